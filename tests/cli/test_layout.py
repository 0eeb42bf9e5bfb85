"""Widths and line breaks, in both languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.cli.layout import columns, pad, wrap

WORDS = st.text(alphabet="abc 上下文长度，。（）x.", max_size=80)


@pytest.mark.parametrize(("words", "width"), [("", 0), ("abc", 3), ("模型", 4), ("KV 缓存", 7), ("（仅", 4), ("é", 1)])
def test_chinese_takes_two_columns(words: str, width: int) -> None:
    assert columns(words) == width


def test_a_chinese_sentence_breaks_without_spaces_and_not_before_its_comma() -> None:
    assert wrap("本机模型，以及", 8) == ["本机模", "型，以及"]


def test_an_opening_bracket_does_not_end_a_line() -> None:
    assert wrap("显示地址（仅一次）", 10) == ["显示地址", "（仅一次）"]


def test_indents_and_blank_lines_are_kept() -> None:
    assert wrap("one two\n\n  homeroom up", 7) == ["one two", "", "  homeroom", "  up"]


def test_pad_fills_to_a_column() -> None:
    assert pad("模型", 6) + "|" == "模型  |"


@given(WORDS, st.integers(10, 40))
def test_wrapping_loses_nothing_and_keeps_to_the_width(words: str, width: int) -> None:
    lines = wrap(words, width)
    assert "".join("".join(lines).split()) == "".join(words.split())
    assert all(columns(line) <= width or len(line.split()) == 1 for line in lines)
