"""Thinking kept apart from the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.engine.thinking import separate

Chunk = dict[str, Any]


async def separated(pieces: list[tuple[str, str]]) -> tuple[str, str, int]:
    """The thinking and the content that come of (field, text) pieces, and how many chunks there were."""

    async def chunks() -> AsyncIterator[Chunk]:
        yield {"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}, "finish_reason": None}]}
        for name, text in pieces:
            yield {"choices": [{"index": 0, "delta": {name: text}, "finish_reason": None}]}
        yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        yield {"choices": [], "usage": {}}

    thought, said, count = "", "", 0
    async for chunk in separate(chunks()):
        count += 1
        for choice in chunk["choices"]:
            thought += choice["delta"].get("reasoning_content") or ""
            said += choice["delta"].get("content") or ""
    return thought, said, count


def cut(text: str, size: int, name: str = "content") -> list[tuple[str, str]]:
    return [(name, text[at : at + size]) for at in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 100])
@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        ("<think>\nwhy\n</think>\n\nbecause", "why", "because"),
        ("\n <think>why</think>because", "why", "because"),
        ("<think>\n\n</think>\n\nbecause", "", "because"),
        ("<think>why, and < more </thin </think>ok", "why, and < more </thin", "ok"),
        ("<think>never closed", "never closed", ""),
        ("<think>nearly closed</thi", "nearly closed</thi", ""),
        ("no thinking <think>at all</think>", "", "no thinking <think>at all</think>"),
        ("  <thin ice", "", "  <thin ice"),
        ("<th", "", "<th"),
        ("<think>a</think><think>b</think>", "a", "<think>b</think>"),
        ("", "", ""),
    ],
)
async def test_tags_in_the_content(text: str, thought: str, said: str, size: int) -> None:
    pieces = cut(text, size)
    assert await separated(pieces) == (thought, said, len(pieces) + 3)


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_what_the_engine_separated_loses_only_its_blank_ends(size: int) -> None:
    pieces = cut("\n why \n\n so \n\n", size, "reasoning_content") + cut("\n\n  because\n", size)
    assert (await separated(pieces))[:2] == ("why \n\n so", "because\n")


@given(st.text(alphabet="ab \n<>/think"), st.integers(1, 9))
async def test_nothing_is_lost_and_nothing_added(text: str, size: int) -> None:
    thought, said, _ = await separated(cut(text, size))
    whole = (
        text.replace("<think>", "", 1).replace("</think>", "", 1)
        if thought or text.lstrip().startswith("<think>")
        else text
    )
    assert "".join((thought + said).split()) == "".join(whole.split())
