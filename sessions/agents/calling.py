"""How a model calls tools: as function calls, or, for one that has none, as a fenced JSON object in its text.

A fenced reply is read strictly. Only what stands between the two lines made for this request counts; a verdict in the
prose around it, in the reasoning, in a quoted template or in a reply that was cut off is none.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, cast

from sessions.agents.wording import storable
from sessions.models.protocol import Message, ToolCall, ToolSchema
from sessions.prompts import Prompt
from sessions.transitions.schema import ContractFault, parse_object

Results = Sequence[tuple[ToolCall, str]]
"""Calls that were made and what came back, in order."""


class Calling(Protocol):
    """A way to offer tools to a model and to read its calls."""

    tools: tuple[ToolSchema, ...]
    """What goes with each request as function tools."""

    def user_message(self, prompt: Prompt) -> Message:
        """Return the turn's prompt as it is sent."""
        ...

    def calls(self, answer: Message) -> tuple[ToolCall, ...]:
        """Return the calls of an answer, none when there is no sign of one.

        Raises:
            ContractFault: If there is a call that cannot be read.
        """
        ...

    def follow_up(self, answer: Message, results: Results) -> tuple[Message, ...]:
        """Return what an answer and the results of its calls add to the conversation."""
        ...

    def reply(self, answer: Message, text: str) -> tuple[Message, ...]:
        """Return what an answer without a call that could be read, and our words on it, add to the conversation."""
        ...


class FunctionCalling:
    """Tools as the provider offers them."""

    def __init__(self, tools: tuple[ToolSchema, ...]) -> None:
        self.tools = tools
        self._answers = 0

    def user_message(self, prompt: Prompt) -> Message:
        """Return the prompt alone."""
        return Message("user", prompt.text())

    def calls(self, answer: Message) -> tuple[ToolCall, ...]:
        """Return the calls, each with an id of its own: some local servers give none, or the same one twice."""
        self._answers += 1
        given = [call.id for call in answer.tool_calls]
        return tuple(
            call if call.id and given.count(call.id) == 1 else replace(call, id=f"call_{self._answers}_{place}")
            for place, call in enumerate(answer.tool_calls, 1)
        )

    def follow_up(self, answer: Message, results: Results) -> tuple[Message, ...]:
        """Return the answer and a tool message for each call."""
        # Adapters of some providers read the arguments of past calls and fail on what is no JSON object.
        calls = tuple(call if _is_object(call.arguments) else replace(call, arguments="{}") for call, _ in results)
        told = (Message("tool", text, tool_call_id=call.id) for call, text in results)
        return (replace(answer, tool_calls=calls), *told)

    def reply(self, answer: Message, text: str) -> tuple[Message, ...]:
        """Return the answer and our words."""
        return (*_said(answer), Message("user", text))


class FencedCalling:
    """One call an answer, written as JSON between two lines that hold the prompt's marker."""

    tools: tuple[ToolSchema, ...] = ()

    def __init__(self, tools: tuple[ToolSchema, ...], marker: str) -> None:
        self._offered = tools
        self._begin, self._end = f"<<<reply {marker}>>>", f"<<<end reply {marker}>>>"
        self._answers = 0

    def user_message(self, prompt: Prompt) -> Message:
        """Return the prompt with the tools and the form of a reply after it."""
        return Message("user", f"{prompt.text()}\n{self._instruction()}")

    def calls(self, answer: Message) -> tuple[ToolCall, ...]:
        """Return the call of the last fence. It must be complete, with nothing after it."""
        self._answers += 1
        written = self._fenced(_without_thoughts(answer.content, self._begin))
        if written is None:
            return ()
        reply = parse_object(written)
        if set(reply) != {"tool", "arguments"}:
            raise ContractFault(['the reply must have exactly the keys "tool" and "arguments"'])
        tool, arguments = reply["tool"], reply["arguments"]
        if not isinstance(tool, str) or not isinstance(arguments, Mapping):
            raise ContractFault(['"tool" must be a tool\'s name and "arguments" an object'])
        text = json.dumps(cast("Mapping[str, object]", arguments), ensure_ascii=False)
        return (ToolCall(f"reply_{self._answers}", tool, text),)

    def follow_up(self, answer: Message, results: Results) -> tuple[Message, ...]:
        """Return the answer and one user message with what came back."""
        told = "\n\n".join(f"Result of {storable(call.name)[:80]}:\n{text}" for call, text in results)
        return (*_said(answer), Message("user", told))

    def reply(self, answer: Message, text: str) -> tuple[Message, ...]:
        """Return the answer, our words and the form once more."""
        return (*_said(answer), Message("user", f"{text}\n\n{self._form()}"))

    def _fenced(self, text: str) -> str | None:
        opened = list(re.finditer(rf"^{re.escape(self._begin)}[ \t\r]*$", text, re.M))
        if not opened:
            if self._begin in text:
                raise ContractFault([f"{self._begin} must stand on a line of its own"])
            return None
        rest = text[opened[-1].end() :]
        closed = re.search(rf"^{re.escape(self._end)}[ \t\r]*$", rest, re.M)
        if closed is None:
            raise ContractFault([f"the reply is not complete: {self._end} is missing, on a line of its own"])
        if rest[closed.end() :].strip():
            raise ContractFault([f"nothing may stand after {self._end}"])
        return _without_code_fence(rest[: closed.start()].strip())

    def _instruction(self) -> str:
        tools = "\n".join(
            f"- {tool.name}: {tool.description}\n  arguments: {json.dumps(tool.parameters, ensure_ascii=False)}"
            for tool in self._offered
        )
        return f"Tools:\n{tools}\n\n{self._form()}"

    def _form(self) -> str:
        return (
            "You call a tool by ending your reply with ONE JSON object between these two lines, each on a line of its "
            "own, with nothing after the second:\n"
            f'{self._begin}\n{{"tool": "...", "arguments": {{...}}}}\n{self._end}\n'
        )


def _without_thoughts(text: str, begin: str) -> str:
    """Return what comes after the reasoning that some models write into their text: nothing when it never ends."""
    closings = list(re.finditer(r"</think(?:ing)?>", text, re.I))
    said = text[closings[-1].end() :] if closings else text
    thought = re.search(r"<think(?:ing)?>", said, re.I)
    # Within the reply itself the mark is only text about such marks.
    return said if thought is None or -1 < said.rfind(begin) < thought.start() else ""


def _without_code_fence(text: str) -> str:
    """Return what is inside the Markdown code fence that many models put around any JSON."""
    found = re.fullmatch(r"```(?:json)?[ \t]*\r?\n(.*)\n```", text, re.S)
    return found[1].strip() if found else text


def _said(answer: Message) -> tuple[Message, ...]:
    """Return an answer as words only, or nothing: some providers refuse a message without content."""
    return (replace(answer, tool_calls=()),) if answer.content.strip() else ()


def _is_object(arguments: str) -> bool:
    try:
        parse_object(arguments)
    except ContractFault:
        return False
    return True
