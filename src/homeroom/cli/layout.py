"""How wide text is in a terminal, and where its lines may break: Chinese takes two columns and needs no spaces.

Pure. Knows columns; does not know colours or tables.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_CLOSING: Final = "，。：；、！？）》」』”’,.:;!?)"
"""Never at the beginning of a line."""
_OPENING: Final = "（《「『“‘("
"""Never at the end of one."""
_PART: Final = re.compile(
    r"\s+|[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]|[^\s\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]+"
)


_HARMFUL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def harmless(words: str) -> str:
    """*words* without signs that move a terminal's cursor or turn the direction of writing: a file's name may have them."""
    return _HARMFUL.sub("\ufffd", words)


def columns(words: str) -> int:
    """The columns that *words* take in a terminal."""
    return sum(_width(letter) for letter in words)


def _width(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Cc", "Cf", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def wrap(words: str, width: int) -> list[str]:
    """*words* in lines of at most *width* columns; a single word that is longer stays whole. Line ends are kept."""
    lines: list[str] = []
    for paragraph in words.splitlines() or [""]:
        indent = paragraph[: len(paragraph) - len(paragraph.lstrip())]
        line = indent
        for part in _parts(paragraph.strip()):
            if columns(line) + columns(part.rstrip()) > width and line.strip():
                lines.append(line.rstrip())
                line = indent
                part = part.lstrip()
            line += part
        lines.append(line.rstrip())
    return lines


def _parts(paragraph: str) -> list[str]:
    """Pieces that a line may be broken between; punctuation stays with what it opens or closes."""
    parts: list[str] = []
    for part in _PART.findall(paragraph):
        if parts and (part[0] in _CLOSING or parts[-1][-1] in _OPENING):
            parts[-1] += part
        else:
            parts.append(part)
    return parts


def clip(words: str, width: int) -> str:
    """As much of the beginning of *words* as takes at most *width* columns."""
    taken = 0
    for place, letter in enumerate(words):
        taken += _width(letter)
        if taken > width:
            return words[:place]
    return words


def pad(words: str, width: int) -> str:
    """*words* filled with spaces to *width* columns."""
    return words + " " * max(0, width - columns(words))
