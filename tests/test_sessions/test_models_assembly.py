from types import SimpleNamespace as Bag
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sessions.models.assembly import Assembly, ThinkSplitter
from sessions.models.protocol import ReasoningDelta, TextDelta, ToolCall, ToolCallDelta


def _pieces(content: str, sizes: list[int]) -> list[str]:
    pieces: list[str] = []
    while content:
        size = sizes[len(pieces) % len(sizes)] if sizes else len(content)
        pieces.append(content[:size])
        content = content[size:]
    return pieces


def _split(pieces: list[str]) -> tuple[str, str]:
    """Return the reasoning and the text a splitter makes of the pieces."""
    splitter = ThinkSplitter()
    events = [event for piece in pieces for event in splitter.feed(piece)] + list(splitter.end())
    reasoning = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    return reasoning, "".join(event.text for event in events if isinstance(event, TextDelta))


def _fragment(index: int | None, id: str | None, name: str | None, arguments: str | None) -> Bag:
    return Bag(index=index, id=id, function=Bag(name=name, arguments=arguments))


def _assembled(*fragments: Bag) -> Assembly:
    assembly = Assembly("r1")
    for fragment in fragments:
        assembly.take(Bag(tool_calls=[fragment]))
    return assembly


@given(st.lists(st.integers(1, 9), min_size=1))
def test_thinking_is_split_off_wherever_the_stream_is_cut(sizes: list[int]) -> None:
    content = "\n<think>First </thi then\n</think>\n\nThe answer, with <think>a word</think>."

    assert _split(_pieces(content, sizes)) == ("First </thi then\n", "The answer, with <think>a word</think>.")


@given(st.lists(st.integers(1, 9), min_size=1))
def test_two_blocks_before_the_answer_are_both_thinking(sizes: list[int]) -> None:
    assert _split(_pieces("<think>a</think>\n<think>b</think>c", sizes)) == ("ab", "c")


@given(st.text(), st.lists(st.integers(1, 5), min_size=1))
def test_what_does_not_begin_with_the_mark_is_text_to_the_letter(content: str, sizes: list[int]) -> None:
    if not content.lstrip().startswith("<think>"):
        assert _split(_pieces(content, sizes)) == ("", content)


def test_a_stream_that_ends_while_thinking_has_no_text() -> None:
    assert _split(["<think>still", " going</th"]) == ("still going</th", "")


def test_a_mark_that_was_never_finished_is_text() -> None:
    assert _split(["  <thi"]) == ("", "  <thi")


def test_a_call_in_fragments_becomes_one_call() -> None:
    assembly = Assembly("r1")

    shown = [
        *assembly.take(Bag(tool_calls=[_fragment(0, "call_a", "plan_tasks", "")])),
        *assembly.take(Bag(tool_calls=[_fragment(0, None, None, '{"tasks"')])),
        *assembly.take(Bag(tool_calls=[_fragment(0, None, None, ": []}")])),
    ]

    assert shown == [
        ToolCallDelta(0, "plan_tasks", ""),
        ToolCallDelta(0, "", '{"tasks"'),
        ToolCallDelta(0, "", ": []}"),
    ]
    assert assembly.message({}).tool_calls == (ToolCall("call_a", "plan_tasks", '{"tasks": []}'),)


def test_two_calls_whose_fragments_are_mixed_are_told_apart_by_index() -> None:
    assembly = _assembled(
        _fragment(0, "a", "first", ""),
        _fragment(1, "b", "second", ""),
        _fragment(1, None, None, "{2}"),
        _fragment(0, None, None, "{1}"),
    )

    assert assembly.message({}).tool_calls == (ToolCall("a", "first", "{1}"), ToolCall("b", "second", "{2}"))


def test_a_server_that_counts_every_call_as_the_first_is_understood_by_ids() -> None:
    assembly = _assembled(_fragment(0, "a", "first", "{1}"), _fragment(0, "b", "second", "{2}"))

    assert [call.name for call in assembly.message({}).tool_calls] == ["first", "second"]


def test_a_server_that_repeats_id_and_name_in_each_fragment_made_one_call() -> None:
    assembly = _assembled(_fragment(0, "a", "first", "{"), _fragment(0, "a", "first", "}"))

    assert assembly.message({}).tool_calls == (ToolCall("a", "first", "{}"),)


def test_calls_without_ids_or_indexes_get_ids_of_their_own() -> None:
    assembly = _assembled(_fragment(None, None, "first", "{}"))

    assert assembly.message({}).tool_calls == (ToolCall("call_r1_0", "first", "{}"),)


def test_signed_thinking_is_joined_and_an_unsigned_rest_is_dropped() -> None:
    assembly = Assembly("r1")
    blocks: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": "one "},
        {"type": "thinking", "thinking": "two"},
        {"type": "thinking", "thinking": "", "signature": "S1"},
        {"type": "redacted_thinking", "data": "D"},
        {"type": "thinking", "thinking": "cut o"},
    ]
    for block in blocks:
        assembly.take(Bag(thinking_blocks=[block]))

    assert assembly.thinking_blocks == [
        {"type": "thinking", "thinking": "one two", "signature": "S1"},
        {"type": "redacted_thinking", "data": "D"},
    ]


def test_an_answer_has_begun_once_anything_of_it_could_be_shown() -> None:
    assembly = Assembly("r1")

    assembly.take(Bag(content="", tool_calls=None))
    assert not assembly.begun
    assembly.take(Bag(reasoning_content="hm"))
    assert assembly.begun
    assert (assembly.reasoning, assembly.text) == ("hm", "")
