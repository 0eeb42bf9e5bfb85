"""The command line's part of the catalogue: nothing is there that nobody says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import homeroom
from homeroom import text

SOURCE = "".join(
    path.read_text(encoding="utf-8")
    for path in Path(homeroom.__file__).parent.rglob("*.py")
    if path.parent.name != "messages"
)
MADE = tuple(re.findall(r'f"((?:cli|help|settings|choose|control|background|checkup)\.[a-z_.]*)\{', SOURCE))
"""The beginnings of keys that are put together."""


@pytest.mark.parametrize("area", ["cli", "choose", "control", "background", "checkup"])
def test_every_sentence_is_said_somewhere(area: str) -> None:
    begun = tuple(begin for begin in MADE if begin != f"{area}.")
    said = {
        key for key in text.catalogue(area) if re.search(rf"[\"']{re.escape(key.removesuffix('.next'))}[\"']", SOURCE)
    }
    said |= {key for key in text.catalogue(area) if key.startswith(begun) or key == "cli.next"}
    assert set(text.catalogue(area)) == said
