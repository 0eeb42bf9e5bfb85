"""Streamed chunks gathered into one answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.engine.completion import calls, collect, merge

Chunk = dict[str, Any]


async def stream(*chunks: Chunk) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        yield chunk


def delta(finish: str | None = None, **parts: Any) -> Chunk:
    choice = {"index": 0, "delta": parts, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


USAGE = {
    "id": "1",
    "object": "chat.completion.chunk",
    "model": "m",
    "choices": [],
    "usage": {"total_tokens": 3},
    "timings": {},
}


async def test_a_chat() -> None:
    progress = delta(role="assistant", content=None) | {"prompt_progress": {"total": 1}}
    said = [delta(reasoning_content="a"), delta(reasoning_content="b"), delta(content="c"), delta(content="d")]
    answer = await collect(stream(progress, *said, delta("stop"), USAGE))
    message = {"role": "assistant", "content": "cd", "reasoning_content": "ab"}
    assert answer == {
        "id": "1",
        "object": "chat.completion",
        "model": "m",
        "usage": {"total_tokens": 3},
        "timings": {},
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}],
    }


async def test_a_completion_of_two_prompts() -> None:
    def piece(index: int, text: str, finish: str | None = None) -> Chunk:
        return {"object": "text_completion", "choices": [{"index": index, "text": text, "finish_reason": finish}]}

    answer = await collect(stream(piece(1, "x"), piece(0, "a"), piece(0, "b", "stop"), piece(1, "y", "length")))
    assert answer["object"] == "text_completion"
    assert [(c["index"], c["text"], c["finish_reason"]) for c in answer["choices"]] == [
        (0, "ab", "stop"),
        (1, "xy", "length"),
    ]
    assert all("message" not in choice for choice in answer["choices"])


async def test_calls_are_put_together_by_index() -> None:
    def part(index: int, arguments: str, **more: Any) -> Chunk:
        return delta(tool_calls=[{"index": index, "function": {"arguments": arguments} | more.pop("f", {})} | more])

    answer = await collect(
        stream(
            delta(role="assistant", content=None),
            part(0, '{"a"', id="one", f={"name": "f"}),
            part(1, "{", id="two", f={"name": "g"}),
            part(0, ": 1}"),
            part(1, "}"),
            delta("tool_calls"),
        )
    )
    message = answer["choices"][0]["message"]
    assert message["content"] is None
    assert [(c["id"], c["function"]) for c in message["tool_calls"]] == [
        ("one", {"name": "f", "arguments": '{"a": 1}'}),
        ("two", {"name": "g", "arguments": "{}"}),
    ]


async def test_logprobs_are_appended() -> None:
    one, two = ({"logprobs": {"content": [{"token": token}]}} for token in "ab")
    chunks = [delta(content="a"), delta(content="b"), delta("stop")]
    chunks[0]["choices"][0] |= one
    chunks[1]["choices"][0] |= two
    answer = await collect(stream(*chunks))
    assert answer["choices"][0]["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}


async def test_nothing_said_is_an_empty_text() -> None:
    answer = await collect(stream(delta(role="assistant", content=None), delta("length")))
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": ""}


def test_calls_of_nothing() -> None:
    assert calls({}) == []


@given(st.lists(st.text(max_size=5)))
@pytest.mark.parametrize("name", ["content", "reasoning_content"])
def test_text_is_whole_however_it_was_cut(name: str, pieces: list[str]) -> None:
    choice: Chunk = {}
    for piece in pieces:
        merge(choice, {"delta": {name: piece}})
    assert choice.get("message", {}).get(name, "") == "".join(pieces)
