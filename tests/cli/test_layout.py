"""Widths and line breaks, in both languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.cli.layout import clip, columns, harmless, pad, wrap

WORDS = st.text(alphabet="abc 上下文长度，。（）x.", max_size=80)


@pytest.mark.parametrize(("words", "width"), [("", 0), ("abc", 3), ("模型", 4), ("KV 缓存", 7), ("（仅", 4), ("é", 1)])
def test_chinese_takes_two_columns(words: str, width: int) -> None:
    assert columns(words) == width


def test_a_chinese_sentence_breaks_without_spaces_and_not_before_its_comma() -> None:
    assert wrap("本机模型，以及", 8) == ["本机模", "型，以及"]


def test_signs_that_move_the_cursor_or_turn_the_writing_are_not_shown() -> None:
    assert harmless("a\x1b]0;x\x07b\x1b[2Jc\u202ed\te\n") == "a\ufffd]0;x\ufffdb\ufffd[2Jc\ufffdd\te\n"


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


@pytest.mark.parametrize(("width", "words"), [(0, ""), (2, "模"), (3, "模"), (4, "模型"), (5, "模型a"), (9, "模型a")])
def test_clip_counts_columns(width: int, words: str) -> None:
    assert clip("模型a", width) == words


@given(WORDS, st.integers(0, 40))
def test_clipping_takes_as_much_as_there_is_room_for(words: str, width: int) -> None:
    clipped = clip(words, width)
    assert words.startswith(clipped) and columns(clipped) <= width
    assert clipped == words or columns(words[: len(clipped) + 1]) > width
