"""Commands on what needs the person: handoffs at the gate, questions, the gate itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from panes.visible_text import visible
from sessions.handoffs import GateMode
from sessions.orders import AnswerQuestion, ApproveHandoff, EditHandoff, RedirectHandoff, RejectHandoff, SetGate
from sessions.state import HandoffState, SessionState
from tui.commands.base import ENDED, Command

if TYPE_CHECKING:
    from tui.app import QuarterdeckApp

NOTHING_HELD = "no handoff is held"


def held_for(state: SessionState) -> HandoffState | None:
    """Return the handoff that the handoff commands mean: the one that has waited longest."""
    held = state.held()
    return held[0] if held else None


class HandoffCommand(Command):
    """A command on the handoff that waits."""

    group = "handoff"

    def refusal(self, state: SessionState, window: str) -> str | None:
        return None if held_for(state) else NOTHING_HELD


class InspectHandoff(HandoffCommand):
    """Open the held handoff: who to whom, what crosses with its size, why it stopped, and the text itself."""

    id, key, label, footer = "handoff.inspect", "i", "inspect", 4

    async def perform(self, app: QuarterdeckApp) -> None:
        handoff = held_for(app.state)
        if handoff is not None:
            await inspect(app, handoff)


class ApproveHeld(HandoffCommand):
    """Let the held handoff cross as it stands. One that has not been on screen yet is opened first."""

    id, key, label, footer = "handoff.approve", "a", "approve", 4

    async def perform(self, app: QuarterdeckApp) -> None:
        handoff = held_for(app.state)
        if handoff is None:
            return
        if handoff.proposed.handoff not in app.seen:
            await inspect(app, handoff)
        else:
            await app.give(ApproveHandoff(handoff=handoff.proposed.handoff), said="approved")


class EditHeld(HandoffCommand):
    """Change the text that crosses; the original is kept beside your version."""

    id, key, label, footer = "handoff.edit", "e", "edit", 5

    async def perform(self, app: QuarterdeckApp) -> None:
        handoff = held_for(app.state)
        if handoff is not None:
            await edit(app, handoff)


class RedirectHeld(HandoffCommand):
    """Send the held handoff to another receiver, chosen from a list."""

    id, key, label, footer = "handoff.redirect", "o", "redirect", 5

    async def perform(self, app: QuarterdeckApp) -> None:
        handoff = held_for(app.state)
        if handoff is not None:
            await redirect(app, handoff)


class RejectHeld(HandoffCommand):
    """Refuse the held handoff; your one-line reason goes back."""

    id, key, label, footer = "handoff.reject", "x", "reject", 5

    async def perform(self, app: QuarterdeckApp) -> None:
        handoff = held_for(app.state)
        if handoff is not None:
            await reject(app, handoff)


class ChooseGate(Command):
    """Choose the gate mode: manual stops every handoff, assisted and auto let the harmless ones flow for a while."""

    id, key, label, group, footer = "session.gate", "g", "gate", "session", 9

    def refusal(self, state: SessionState, window: str) -> str | None:
        return ENDED if state.ended is not None else None

    async def perform(self, app: QuarterdeckApp) -> None:
        from tui.screens.gate import AutoCheck, GateChooser

        mode = await app.push_screen_wait(GateChooser(app.state.gate))
        if mode is None or (mode == "auto" and await app.push_screen_wait(AutoCheck()) != "yes"):
            return
        await app.give(SetGate(mode=cast("GateMode", mode)), said=f"gate {mode.upper()}")


async def inspect(app: QuarterdeckApp, handoff: HandoffState) -> None:
    """Show a handoff and carry out what the person decides there."""
    from tui.screens.inspector import Inspector

    handoff_id = handoff.proposed.handoff
    app.seen.add(handoff_id)
    decision = await app.push_screen_wait(
        Inspector(handoff, app.state, app.loop.roster, app.look, now=app.now, ticks=app.ticks, read=app.read_artefact,
                  draft=app.drafts.of(f"note {handoff_id}"))
    )  # fmt: skip
    if decision is None:
        return
    match decision.verb:
        case "approve":
            order = ApproveHandoff(handoff=handoff_id, note=decision.note)
            await app.give(order, said="approved", draft=f"note {handoff_id}")
        case "edit":
            await edit(app, handoff)
        case "redirect":
            await redirect(app, handoff)
        case "reject":
            await reject(app, handoff)
        case other:
            app.run_command(other)


async def edit(app: QuarterdeckApp, handoff: HandoffState) -> None:
    """Open the text of a handoff in an editor and let the changed text cross."""
    from tui.screens.editor import EDITOR_LIMIT, Editor

    handoff_id = handoff.proposed.handoff
    if handoff.proposed.payload.kind == "plan":
        app.toast("a plan is carried out as it stands: reject it and say what should be different", "warning")
        return
    if len(handoff.text) > EDITOR_LIMIT:
        app.toast(f"the text has {len(handoff.text):,} characters, too many to edit here", "warning")
        return
    app.seen.add(handoff_id)
    text = await app.push_screen_wait(
        Editor(
            "EDIT HANDOFF",
            handoff.proposed.payload.title,
            handoff.text,
            done="send",
            draft=app.drafts.of(f"edit {handoff_id}"),
        )
    )
    if text is None:
        return
    if text == visible(handoff.text, limit=EDITOR_LIMIT, line_limit=EDITOR_LIMIT):
        app.toast("nothing was changed; a approves it as it stands")
        return
    await app.give(EditHandoff(handoff=handoff_id, text=text), said="edited and sent", draft=f"edit {handoff_id}")


async def redirect(app: QuarterdeckApp, handoff: HandoffState) -> None:
    """List the receivers a handoff may go to and send it there."""
    from tui.screens.choice import Choice, ChoiceDialog

    proposed = handoff.proposed
    nodes = dict.fromkeys((proposed.receiver, *proposed.redirects))
    choices = [
        Choice(
            node,
            app.loop.roster.label_of(app.state, node),
            "where it goes now" if node == handoff.receiver else "",
        )
        for node in nodes
    ]
    chosen = await app.push_screen_wait(ChoiceDialog("REDIRECT", f"{proposed.payload.title} goes to", choices))
    if chosen is None:
        return
    if chosen == handoff.receiver:
        app.toast("that is where it goes already; a approves it")
        return
    app.seen.add(proposed.handoff)
    await app.give(RedirectHandoff(handoff=proposed.handoff, to=chosen), said="redirected")


async def reject(app: QuarterdeckApp, handoff: HandoffState) -> None:
    """Ask for the reason and refuse a handoff."""
    from tui.screens.line import LineDialog

    proposed = handoff.proposed
    reason = await app.push_screen_wait(
        LineDialog(
            "REJECT", proposed.payload.title, "Why, in one line: it goes back with the work", required=True,
            draft=app.drafts.of(f"reject {proposed.handoff}"),
        )
    )  # fmt: skip
    if reason:
        order = RejectHandoff(handoff=proposed.handoff, reason=reason)
        await app.give(order, said="rejected", draft=f"reject {proposed.handoff}")


async def answer(app: QuarterdeckApp, question_id: str) -> None:
    """Put a question before the person and send the answer."""
    from tui.screens.question import QuestionScreen

    question = app.state.questions.get(question_id)
    if question is None:
        return
    given = await app.push_screen_wait(
        QuestionScreen(
            question, app.state, app.look, now=app.now, ticks=app.ticks, draft=app.drafts.of(f"answer {question_id}")
        )
    )
    if given is not None:
        order = AnswerQuestion(question=question_id, choice=given.choice, text=given.text)
        await app.give(order, said="answered", draft=f"answer {question_id}")
