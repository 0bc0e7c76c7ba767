"""One turn of a model: the conversation from the prompt to the transition that ends it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from sessions.agents.calling import Calling, FencedCalling, FunctionCalling
from sessions.agents.hearing import Hearing
from sessions.agents.protocol import TransitionReply, TurnEnding, TurnOrder, TurnReport, TurnSink
from sessions.agents.toolbox.box import Toolbox
from sessions.agents.transcript import Transcript
from sessions.agents.unbroken import unbroken
from sessions.agents.wording import one_line, storable
from sessions.events import PromptReceipted, StatusSeen, ToolUsed
from sessions.models.protocol import Failed, Finished, Message, ModelClient, ModelRequest, ToolCall, Usage
from sessions.transitions.schema import ContractFault, parse_object, schemas

_WARNED_AFTER = 3
_ENDED_AFTER = 6
_NO_CALL = "the answer called no tool"


class ModelTurn:
    """A turn under way. `run` is called once.

    Args:
        keep: Stores a text as an artefact and returns its id.
        max_tool_rounds: Answers with tool calls before the turn is given up.
    """

    def __init__(
        self,
        order: TurnOrder,
        sink: TurnSink,
        client: ModelClient,
        model: str,
        *,
        toolbox: Toolbox | None,
        keep: Callable[[str], Awaitable[str]],
        max_tool_rounds: int,
    ) -> None:
        self._order = order
        self._sink = sink
        self._client = client
        self._model = model
        self._toolbox = toolbox
        self._keep = keep
        self._max_tool_rounds = max_tool_rounds
        self._transcript = Transcript()
        self._usage = Usage(0, 0, cost=0.0)
        self._calling = self._choose_calling()
        self._messages = (Message("system", order.prompt.system), self._calling.user_message(order.prompt))
        self._receipted = False
        self._reminded = False
        self._fault = ""
        self._keys: set[str] = set()
        self._door_calls = 0
        self._last_call = ("", "")
        self._repeats = 0
        self.accepted = ""
        """The transition that was accepted, empty before."""
        self.doing = ""
        """What is under way that a halt has to end: `stream`, a tool's name or nothing."""

    async def run(self) -> TurnReport:
        """Talk with the model until the turn ends."""
        retried = False
        for number in range(1, self._max_tool_rounds + 1):
            if self._order.over.is_set():
                return self.report("transition", "accepted through another door")
            answer = await self._ask(number)
            if isinstance(answer, Failed):
                return self.report("failed", answer.text, answer.kind)
            if not answer.complete:
                if retried:
                    return self.report("failed", "the answer was cut off twice", "cut_off")
                retried = True
                self._note("the answer was cut off before it was finished; nothing of it was carried out, asking again")
                continue
            retried = False
            if (ended := await self._act(answer.message)) is not None:
                return ended
        return self.report("failed", f"no transition within {self._max_tool_rounds} answers", "tool_rounds")

    def report(self, ending: TurnEnding, detail: str, failure: str = "") -> TurnReport:
        """Return the turn's report as things stand."""
        return TurnReport(ending, one_line(detail, 500), self._usage, self._transcript.render(), failure)

    async def _ask(self, number: int) -> Finished | Failed:
        """Send the conversation and hear the answer to its end."""
        request = ModelRequest(f"{self._order.turn}-{number}", self._model, self._messages, self._calling.tools)
        hearing = Hearing(self._sink, self._transcript)
        answer: Finished | Failed | None = None
        begun = False
        self.doing = "stream"
        try:
            async with aclosing(self._client.stream(request)) as events:
                async for event in events:
                    if isinstance(event, Failed):
                        answer = event
                        break
                    begun = True
                    await self._receipt()
                    hearing.take(event)
                    if isinstance(event, Finished):
                        answer = event
                        break
        finally:
            # Reached only after the stream is closed, which is what a halt waits for.
            self.doing = ""
            hearing.end()
            if isinstance(answer, Finished):
                self._spend(answer.usage)
            elif begun:
                self._spend(hearing.usage(self._messages))
        _stop_if_cancelled()
        return answer or Finished(Message("assistant", ""), Usage(0, 0), "", complete=False)

    async def _act(self, answer: Message) -> TurnReport | None:
        """Carry an answer's calls out, in order; return the report when that ends the turn."""
        try:
            calls = self._calling.calls(answer)
        except ContractFault as fault:
            self._show_note(f"the reply does not stand: {one_line(str(fault), 300)}")
            self._transcript.result(False, str(fault))
            return self._mend(str(fault)) or self._say(answer, f"Your reply does not stand: {fault}")
        if not calls:
            return self._remind(answer)
        results: list[tuple[ToolCall, str]] = []
        refused = False
        for call in calls:
            self._transcript.call(call.name, call.arguments)
            if call.name not in self._order.transitions:
                ended, text = await self._use(call)
            elif refused:
                ended, text = None, "not called: the call before it was refused; mend that one first"
            else:
                ended, text = await self._transition(call)
                refused = True
            if ended is not None:
                return ended
            results.append((call, storable(text)))
        self._messages += self._calling.follow_up(answer, results)
        return None

    async def _transition(self, call: ToolCall) -> tuple[TurnReport | None, str]:
        """Call a transition. Accepted, the turn is over; refused once, the model may mend it."""
        # A call at the door goes through whole, so that the report can say whether it was accepted.
        reply = await unbroken(self._at_the_door(call))
        self._transcript.result(reply.accepted, reply.text)
        if reply.accepted:
            return self.report("transition", call.name), ""
        self._show_note(f"{call.name} was refused: {one_line(reply.text, 300)}")
        return self._mend(reply.text), f"{reply.text}\n\nMend this and call {call.name} again."

    async def _at_the_door(self, call: ToolCall) -> TransitionReply:
        reply = await self._sink.call(call.name, storable(call.arguments), self._key(call))
        if reply.accepted:
            self.accepted = call.name
        return reply

    def _key(self, call: ToolCall) -> str:
        """Name a call. Ids of providers are not always different, and two different calls must not count as one."""
        self._door_calls += 1
        key = f"{self._order.turn}/{storable(call.id)[:120]}"
        if key in self._keys:
            key = f"{key}#{self._door_calls}"
        self._keys.add(key)
        return key

    async def _use(self, call: ToolCall) -> tuple[TurnReport | None, str]:
        """Carry out any other call: the turn's report when the model runs in circles, and the result."""
        same = (call.name, _canonical(call.arguments))
        self._repeats = self._repeats + 1 if same == self._last_call else 1
        self._last_call = same
        if self._repeats >= _ENDED_AFTER:
            self._note(f"the same call of {one_line(call.name, 60)} came {_ENDED_AFTER} times in a row")
            return self.report("failed", f"same call repeated {_ENDED_AFTER} times", "repeated_call"), ""
        if self._toolbox is None or call.name not in self._toolbox.names:
            ok, text = False, self._unknown(call.name)
        elif self._repeats >= _WARNED_AFTER:
            ok, text = False, self._warning()
        else:
            ok, text = await self._work(self._toolbox, call)
        self._transcript.result(ok, text)
        return None, text

    async def _work(self, toolbox: Toolbox, call: ToolCall) -> tuple[bool, str]:
        """Carry out a toolbox call, with its events around it."""
        window, clock = self._order.window, asyncio.get_running_loop().time
        headline = storable(toolbox.headline(call.name, call.arguments))
        await self._sink.record(StatusSeen(window=window, activity="tool", source="toolbox", detail=headline))
        begun = clock()
        self.doing = call.name
        try:
            result = await toolbox.use(call.name, call.arguments, self._show_output)
        finally:
            self.doing = ""
        _stop_if_cancelled()
        summary = storable(one_line(result.summary, 300))
        used = ToolUsed(
            turn=self._order.turn,
            tool=call.name,
            summary=summary,
            ok=result.ok,
            seconds=clock() - begun,
            output=await self._keep(storable(result.whole or result.text)),
        )
        await self._sink.record(used, StatusSeen(window=window, activity="thinking", source="toolbox"))
        return result.ok, result.text

    def _remind(self, answer: Message) -> TurnReport | None:
        """Ask once for the call that was missing."""
        if self._fault or self._reminded:
            return self.report("no_transition", self._fault or _NO_CALL, "contract")
        self._reminded = True
        ends = _either(self._order.transitions)
        self._note(f"{_NO_CALL}; asking for {ends}")
        text = f"Your answer called no tool, so nothing came of it. This turn ends only when you call {ends}."
        return self._say(answer, text)

    def _mend(self, fault: str) -> TurnReport | None:
        """Count a call that does not stand; the second one ends the turn."""
        if self._fault:
            return self.report("no_transition", fault, "contract")
        self._fault = fault
        return None

    def _say(self, answer: Message, text: str) -> None:
        """Answer the model in words."""
        self._messages += self._calling.reply(answer, text)

    async def _receipt(self) -> None:
        if not self._receipted:
            self._receipted = True
            await self._sink.record(PromptReceipted(turn=self._order.turn, stage="accepted", source="stream"))

    def _spend(self, usage: Usage) -> None:
        total = self._usage
        self._usage = Usage(
            total.input_tokens + usage.input_tokens,
            total.output_tokens + usage.output_tokens,
            total.cached_tokens + usage.cached_tokens,
            None if total.cost is None or usage.cost is None else total.cost + usage.cost,
            total.estimated or usage.estimated,
        )

    def _note(self, text: str) -> None:
        self._transcript.note(text)
        self._show_note(text)

    def _show_note(self, text: str) -> None:
        self._sink.delta("note", f"{storable(text)}\n")

    def _show_output(self, text: str) -> None:
        self._sink.delta("output", text)

    def _unknown(self, name: str) -> str:
        names = (*(self._toolbox.names if self._toolbox else ()), *self._order.transitions)
        return f"There is no tool called {one_line(name, 60)}. There are: {', '.join(names)}"

    def _warning(self) -> str:
        said = f"Not carried out: you made this very call {self._repeats} times in a row."
        return f"{said} Do something else, or end the turn with {_either(self._order.transitions)}."

    def _choose_calling(self) -> Calling:
        tools = (*(self._toolbox.schemas if self._toolbox else ()), *schemas(self._order.transitions))
        if self._client.facts(self._model).tools:
            return FunctionCalling(tools)
        return FencedCalling(tools, self._order.prompt.marker)


def _stop_if_cancelled() -> None:
    """Raise the cancellation that a backend or a tool has swallowed: a halted turn does nothing more."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _canonical(arguments: str) -> str:
    """Return arguments so that two ways to write the same ones are equal."""
    try:
        return json.dumps(parse_object(arguments), sort_keys=True)
    except ContractFault:
        return arguments


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names)
