"""From one record to what the transcripts of windows show of it. Pure; the same for a live session and an old log."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from panes.entries import (
    Entry,
    EvidenceShown,
    HandoffDecided,
    HandoffHeld,
    Happened,
    PlanShown,
    QuestionShown,
    SpecShown,
    ToolDone,
    TransitionMade,
    TurnClosed,
    TurnOpened,
    VerdictShown,
)
from panes.figures import count, tokens
from panes.needs import PAYLOAD_WORDS
from panes.roster import Roster, window_name
from sessions.events import (
    DecisionMade,
    DetailPulled,
    EditSetAside,
    EvidenceTaken,
    HaltOrdered,
    HaltProven,
    HandoffApproved,
    HandoffEdited,
    HandoffProposed,
    HandoffRedirected,
    HandoffRejected,
    HandoffWithdrawn,
    KickedBack,
    MilestonePassed,
    Noticed,
    PlanMade,
    QuestionAnswered,
    QuestionAsked,
    Record,
    Rerouted,
    SessionPassed,
    SpecAppended,
    SurgicalEditMade,
    ToolUsed,
    TransitionCalled,
    TurnEnded,
    TurnStarted,
    VerdictSubmitted,
    WindowResumed,
)
from sessions.state import SessionState

Shown = list[tuple[str, Entry]]
"""Entries with the window each one belongs to."""

_Tell = Callable[[SessionState, Roster, Any, float], Shown]


def chronicle(state: SessionState, roster: Roster, record: Record) -> Shown:
    """Return what a record adds to the transcripts of windows. `state` is the state before the record."""
    tell = _TELLS.get(type(record.event))
    return tell(state, roster, record.event, record.at) if tell else []


def _window_of_turn(state: SessionState, turn: str) -> str:
    open_turn = state.turns.get(turn)
    return open_turn.started.window if open_turn else ""


def _of_role(state: SessionState, role: str, entry: Entry) -> Shown:
    window = state.window_of_role(role)
    return [(window.seat.window, entry)] if window else []


def _in_turn(state: SessionState, turn: str, role: str, entry: Entry) -> Shown:
    window = _window_of_turn(state, turn)
    return [(window, entry)] if window else _of_role(state, role, entry)


def _turn_started(state: SessionState, roster: Roster, event: TurnStarted, at: float) -> Shown:
    handoff = state.handoff(event.handoff)
    sender = roster.name_of(state, handoff.proposed.sender) if handoff else ""
    return [(event.window, TurnOpened(at, event.turn, event.task, event.attempt, event.tokens, sender))]


def _tool_used(state: SessionState, roster: Roster, event: ToolUsed, at: float) -> Shown:
    entry = ToolDone(at, event.turn, event.tool, event.summary, event.ok, event.seconds)
    return [(_window_of_turn(state, event.turn), entry)]


def _transition_called(state: SessionState, roster: Roster, event: TransitionCalled, at: float) -> Shown:
    entry = TransitionMade(at, event.turn, event.tool, event.accepted, event.reply)
    return [(_window_of_turn(state, event.turn), entry)]


def _turn_ended(state: SessionState, roster: Roster, event: TurnEnded, at: float) -> Shown:
    entry = TurnClosed(
        at, event.turn, event.ending, event.failure or event.detail, event.input_tokens, event.output_tokens,
        event.estimated, event.seconds, event.transcript, event.transcript_tokens,
    )  # fmt: skip
    return [(_window_of_turn(state, event.turn), entry)]


def _verdict(state: SessionState, roster: Roster, event: VerdictSubmitted, at: float) -> Shown:
    window = _window_of_turn(state, event.turn)
    author = window_name(state.windows[window]) if window in state.windows else "the Auditor"
    return _in_turn(state, event.turn, "auditor", VerdictShown(at, event, author))


def _evidence(state: SessionState, roster: Roster, event: EvidenceTaken, at: float) -> Shown:
    return _of_role(state, "worker", EvidenceShown(at, event))


def _spec(state: SessionState, roster: Roster, event: SpecAppended, at: float) -> Shown:
    return _in_turn(state, event.turn, "planner", SpecShown(at, event.entry))


def _plan(state: SessionState, roster: Roster, event: PlanMade, at: float) -> Shown:
    return _in_turn(state, event.turn, "manager", PlanShown(at, event.plan))


def _decision(state: SessionState, roster: Roster, event: DecisionMade, at: float) -> Shown:
    word = event.decision.decision.upper()
    text = f"decides {word} {event.task} try {event.attempt}"
    return _in_turn(
        state, event.turn, "manager", Happened(at, "info", text, event.decision.note or event.decision.question)
    )


def _milestone(state: SessionState, roster: Roster, event: MilestonePassed, at: float) -> Shown:
    known = state.milestones.get(event.milestone)
    text = f"milestone {event.milestone} passed" + (f": {known.title}" if known else "")
    return _of_role(state, "exit_manager", Happened(at, "good", text, event.report.summary if event.report else ""))


def _session_passed(state: SessionState, roster: Roster, event: SessionPassed, at: float) -> Shown:
    entry = Happened(at, "good", "session PASSED", event.report.summary)
    return _in_turn(state, event.turn, "exit_manager", entry)


def _kicked_back(state: SessionState, roster: Roster, event: KickedBack, at: float) -> Shown:
    entry = Happened(at, "warning", "KICKED BACK as structural", f"{event.report.diagnosis} ({event.report.pointer})")
    return _in_turn(state, event.turn, "exit_manager", entry)


def _edit(state: SessionState, roster: Roster, event: SurgicalEditMade, at: float) -> Shown:
    size = f"{count(len(event.files), 'file')} +{event.added} -{event.removed}"
    entry = Happened(at, "warning", f"surgical edit inside its budget: {size}", ", ".join(event.files))
    return _in_turn(state, event.turn, "exit_manager", entry)


def _edit_set_aside(state: SessionState, roster: Roster, event: EditSetAside, at: float) -> Shown:
    entry = Happened(at, "error", "edit over its budget was set aside", event.reason)
    return _in_turn(state, event.turn, "exit_manager", entry)


def _pulled(state: SessionState, roster: Roster, event: DetailPulled, at: float) -> Shown:
    entry = Happened(at, "info", f"pulled {event.pointer}", f"+{tokens(event.tokens)} tok into its context")
    return _in_turn(state, event.turn, event.role, entry)


def _proposed(state: SessionState, roster: Roster, event: HandoffProposed, at: float) -> Shown:
    """Show a held handoff to its sender, and a verdict to its receiver, who has not read it yet."""
    if not event.held:
        return []
    entry = HandoffHeld(at, event, *roster.ends(state, event.sender, event.receiver))
    sender, receiver = roster.window_of(state, event.sender), roster.window_of(state, event.receiver)
    shown: Shown = [(sender.seat.window, entry)] if sender else []
    if receiver and receiver is not sender:
        task = state.tasks.get(event.payload.task)
        if event.payload.kind.startswith("verdict") and task and task.verdicts:
            shown.append((receiver.seat.window, VerdictShown(at, task.verdicts[-1], entry.sender, event.handoff)))
        else:
            shown.append((receiver.seat.window, entry))
    return shown


def _crossing(
    state: SessionState, roster: Roster, handoff_id: str, level: str, text: str, detail: str, at: float
) -> Shown:
    """Tell both ends of a handoff what became of it."""
    handoff = state.handoffs.get(handoff_id)
    if handoff is None:
        return []
    payload = handoff.proposed.payload
    what = f"{PAYLOAD_WORDS[payload.kind]} {payload.task}".rstrip()
    sender, receiver = roster.window_of(state, handoff.proposed.sender), roster.window_of(state, handoff.receiver)
    ends = roster.ends(state, handoff.proposed.sender, handoff.receiver)
    told = f"{text}: {detail}" if detail else text
    shown: Shown = []
    if sender:
        entry = HandoffDecided(at, handoff_id, told, f"{what} to {ends[1]}: {text}", detail, level)
        shown.append((sender.seat.window, entry))
    if receiver and receiver is not sender:
        entry = HandoffDecided(at, handoff_id, told, f"{what} from {ends[0]}: {text}", detail, level)
        shown.append((receiver.seat.window, entry))
    return shown


def _approved(state: SessionState, roster: Roster, event: HandoffApproved, at: float) -> Shown:
    text = f"passed by {event.by}" if event.by.startswith("gate") else f"approved by {event.by}"
    return _crossing(state, roster, event.handoff, "info", text, event.note, at)


def _edited(state: SessionState, roster: Roster, event: HandoffEdited, at: float) -> Shown:
    return _crossing(state, roster, event.handoff, "info", "edited by you", "the original is kept beside it", at)


def _redirected(state: SessionState, roster: Roster, event: HandoffRedirected, at: float) -> Shown:
    to = roster.name_of(state, event.to)
    return _crossing(state, roster, event.handoff, "info", f"redirected by you to {to}", "", at)


def _rejected(state: SessionState, roster: Roster, event: HandoffRejected, at: float) -> Shown:
    return _crossing(state, roster, event.handoff, "warning", "rejected by you", event.reason, at)


def _withdrawn(state: SessionState, roster: Roster, event: HandoffWithdrawn, at: float) -> Shown:
    return _crossing(state, roster, event.handoff, "info", "withdrawn", event.reason, at)


def _asked(state: SessionState, roster: Roster, event: QuestionAsked, at: float) -> Shown:
    window = state.windows.get(event.window)
    author = window_name(window) if window else "the session"
    return [(event.window, QuestionShown(at, event, author))]


def _answered(state: SessionState, roster: Roster, event: QuestionAnswered, at: float) -> Shown:
    question = state.questions.get(event.question)
    if question is None:
        return []
    options = question.asked.options
    chosen = options[event.choice] if 0 <= event.choice < len(options) else event.text
    return [(question.asked.window, Happened(at, "info", f"answered by {event.by}", chosen))]


def _rerouted(state: SessionState, roster: Roster, event: Rerouted, at: float) -> Shown:
    window = roster.window_of(state, event.to)
    text = f"{event.verb} {event.task}".rstrip() + f" by {event.by}"
    return [(window.seat.window, Happened(at, "warning", text, event.note))] if window else []


def _windows(state: SessionState, window: str) -> list[str]:
    return [window] if window else list(state.windows)


def _halted(state: SessionState, roster: Roster, event: HaltOrdered, at: float) -> Shown:
    text = f"HALT ordered by {event.by}"
    return [(window, Happened(at, "warning", text)) for window in _windows(state, event.window)]


def _proven(state: SessionState, roster: Roster, event: HaltProven, at: float) -> Shown:
    if event.stopped:
        entry = Happened(at, "good", f"stopped in {event.seconds:.1f} s ({event.step})", event.observed)
    else:
        entry = Happened(at, "error", f"NOT STOPPED after {event.seconds:.1f} s ({event.step})", event.observed)
    return [(event.window, entry)]


def _resumed(state: SessionState, roster: Roster, event: WindowResumed, at: float) -> Shown:
    entry = Happened(at, "info", f"resumed by {event.by}")
    return [(window, entry) for window in _windows(state, event.window) if state.windows[window].halted]


def _noticed(state: SessionState, roster: Roster, event: Noticed, at: float) -> Shown:
    return [(event.window, Happened(at, event.level, event.text))] if event.window else []


_TELLS: Mapping[type, _Tell] = cast(
    "Mapping[type, _Tell]",
    {
        TurnStarted: _turn_started,
        ToolUsed: _tool_used,
        TransitionCalled: _transition_called,
        TurnEnded: _turn_ended,
        VerdictSubmitted: _verdict,
        EvidenceTaken: _evidence,
        SpecAppended: _spec,
        PlanMade: _plan,
        DecisionMade: _decision,
        MilestonePassed: _milestone,
        SessionPassed: _session_passed,
        KickedBack: _kicked_back,
        SurgicalEditMade: _edit,
        EditSetAside: _edit_set_aside,
        DetailPulled: _pulled,
        HandoffProposed: _proposed,
        HandoffApproved: _approved,
        HandoffEdited: _edited,
        HandoffRedirected: _redirected,
        HandoffRejected: _rejected,
        HandoffWithdrawn: _withdrawn,
        QuestionAsked: _asked,
        QuestionAnswered: _answered,
        Rerouted: _rerouted,
        HaltOrdered: _halted,
        HaltProven: _proven,
        WindowResumed: _resumed,
        Noticed: _noticed,
    },
)
