"""Which script answers: told by the tools offered, for the node of a workflow decides what a role may do."""

from collections.abc import Callable

from sessions.models.protocol import ModelRequest
from sessions.models.rehearsal.answer import LABEL, Answer, Call, Done, Exchange, clip, read_exchange
from sessions.models.rehearsal.auditor import audit
from sessions.models.rehearsal.exit_manager import pass_milestone, pass_session
from sessions.models.rehearsal.manager import decide, plan_work
from sessions.models.rehearsal.planner import plan_spec
from sessions.models.rehearsal.worker import work

_SCRIPTS: dict[str, Callable[[Exchange], Answer]] = {
    "append_spec": plan_spec,
    "decide": decide,
    "plan_tasks": plan_work,
    "report_done": work,
    "submit_verdict": audit,
    "pass_milestone": pass_milestone,
    "pass_session": pass_session,
}
_ENDINGS = frozenset({*_SCRIPTS, "kick_back"})
_OPTIONAL = frozenset({"supersedes", "notes", "criteria", "scope"})
"""Fields left out when a transition was refused and is called once more."""


def respond(request: ModelRequest) -> Answer:
    """Return the answer to a request. The same conversation and tools always give the same answer."""
    exchange = read_exchange(request)
    refused = exchange.results(*_ENDINGS)
    if refused:
        answer = _after_refusal(refused)
    else:
        script = _script(exchange)
        answer = script(exchange) if script else _without_script(exchange)
    return answer if request.tool_choice != "none" else Answer(answer.text, answer.reasoning)


def _script(exchange: Exchange) -> Callable[[Exchange], Answer] | None:
    if not exchange.parts:
        return None
    # A node that may both plan and decide is asked to decide once there is a verdict or an answer to judge by.
    if "plan_tasks" in exchange.tools and not (exchange.part("verdict") or exchange.part("answer")):
        return plan_work
    return next((script for tool, script in _SCRIPTS.items() if tool in exchange.tools), None)


def _after_refusal(refused: tuple[Done, ...]) -> Answer:
    """Call a refused transition once more with nothing but its needed fields; a second refusal is the person's."""
    last = refused[-1]
    if len(refused) > 1:
        return Answer(f"Refused again: {clip(last.result, 200)}. My script has no other way; this needs you.")
    plain = {name: value for name, value in last.arguments.items() if name not in _OPTIONAL}
    return Answer(f"Refused: {clip(last.result, 200)}. Once more, plainly.", calls=(Call(last.name, plain),))


def _without_script(exchange: Exchange) -> Answer:
    tools = ", ".join(sorted(exchange.tools)) or "no tool"
    return Answer(
        f"{LABEL} I play Planner, Manager, Worker, Auditor and Exit Manager of one sample, and have no script for this "
        f"({tools} offered). Give this seat to a real model, or take it yourself."
    )
