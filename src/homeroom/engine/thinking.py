"""Thinking kept apart from the answer, where the engine did not do it by itself.

The engine knows most templates and separates reasoning. It does not where thinking was switched off and the model thinks all
the same, and it leaves the blank lines around the tags. Pure but for the chunks that pass through.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

Chunk = dict[str, Any]

OPEN: Final = "<think>"
CLOSE: Final = "</think>"


async def separate(chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk]:
    """*chunks* with every thought in ``reasoning_content`` and none in ``content``; no chunk is left out."""
    splitter = Splitter()
    async for chunk in chunks:
        for choice in chunk.get("choices", ()):
            delta = choice.get("delta")
            if delta is None:
                continue
            thought = splitter.thought(delta.pop("reasoning_content", None) or "")
            more, said = splitter.feed(delta.pop("content", None) or "", last=bool(choice.get("finish_reason")))
            if thought + more:
                delta["reasoning_content"] = thought + more
            if said:
                delta["content"] = said
            elif "role" in delta:
                delta["content"] = None
        yield chunk


class Splitter:
    """Reads an answer piece by piece and tells what of it is thinking and what is said."""

    def __init__(self) -> None:
        self._held = ""
        self._blank = ""
        self._state = "start"
        self._thought = False
        self._closed = False

    def thought(self, piece: str) -> str:
        """A piece that the engine already knows for thinking, without the blanks at both ends of the whole."""
        if not self._thought:
            piece = piece.lstrip()
        piece = self._blank + piece
        kept = piece.rstrip()
        self._blank = piece[len(kept) :]
        self._thought = self._thought or bool(kept)
        return kept

    def feed(self, piece: str, *, last: bool = False) -> tuple[str, str]:
        """The thinking and the said that became certain with *piece*; with *last*, all that was held back."""
        self._held += piece
        thought = ""
        if self._state == "start":
            self._begin(last)
        if self._state == "thinking":
            thought = self.thought(self._until_close(last))
        if self._state != "saying":
            return thought, ""
        said, self._held = self._held, ""
        return thought, said

    def _begin(self, last: bool) -> None:
        seen = self._held.lstrip()
        apart = self._thought or self._closed
        if seen.startswith(OPEN) and not apart:
            self._state, self._held = "thinking", seen.removeprefix(OPEN)
        elif apart:
            # What the engine separated is followed by blank lines of the template's.
            self._state, self._held = ("saying" if seen else "start"), seen
        elif last or (seen and not OPEN.startswith(seen)):
            self._state = "saying"

    def _until_close(self, last: bool) -> str:
        before, found, after = self._held.partition(CLOSE)
        if found:
            self._state, self._held, self._closed = "start", after, True
            self._begin(last)
            return before
        keep = 0 if last else _overlap(self._held, CLOSE)
        before, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return before


def _overlap(text: str, tag: str) -> int:
    """How many letters at the end of *text* may be the beginning of *tag*."""
    return next((size for size in range(min(len(text), len(tag) - 1), 0, -1) if text.endswith(tag[:size])), 0)
