"""Addresses: nothing that is secret is shown."""

from __future__ import annotations

import pytest

from homeroom.models import addresses


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("https://user:secret@h/m.gguf?token=secret", "https://h/m.gguf"),
        ("https:user:secret@h/m.gguf", "https:h/m.gguf"),
        ("http:/user:secret@h/m.gguf", "http:/h/m.gguf"),
        ("https://h/a#b", "https://h/a"),
        ("deepseek-r1:7b", "deepseek-r1:7b"),
        ("what?", "what?"),
    ],
)
def test_no_secret_of_an_address_is_shown(typed: str, seen: str) -> None:
    assert addresses.typed(typed) == seen
