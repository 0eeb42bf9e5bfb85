"""The journal of a file in pieces: what it says is what is here, and garbage says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.models.download.pieces import LENGTH, Part, Span, read_journal

SIZE = 3 * LENGTH + 5


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "a.part", tmp_path / "a.journal"


def test_the_next_part_takes_up_what_the_last_one_noted(paths: tuple[Path, Path]) -> None:
    with Part(*paths) as part:
        part.begin(SIZE, "http://host/a", '"one"')
        part.write([b"x" * 10, b"y" * 20], 0)
        part.write([b"z" * 5], 3 * LENGTH)
        part.prove(3, "0" * 64)
    with Part(*paths) as part:
        assert (part.size, part.url, part.validator, part.here) == (SIZE, "http://host/a", '"one"', 35)
        assert part.digests == [None, None, None, "0" * 64] and part.suspects == {0}
        buffer = memoryview(bytearray(40))
        assert part.read(5, buffer[:10]) == 10 and bytes(buffer[:10]) == b"x" * 5 + b"y" * 5
        assert part.read(3 * LENGTH, buffer) == 5, "the file ends there"


def test_a_part_has_holes_and_no_zeros(paths: tuple[Path, Path]) -> None:
    with Part(*paths) as part:
        part.begin(SIZE, "")
        part.write([b"z" * 5], 3 * LENGTH)
    status = paths[0].stat()
    assert status.st_size == SIZE and getattr(status, "st_blocks", 0) * 512 < LENGTH


def test_what_is_missing_is_given_out_once(paths: tuple[Path, Path]) -> None:
    with Part(*paths) as part:
        part.begin(SIZE, "")
        part.write([b"x" * 10], 0)
        part.write([b"x"], 2 * LENGTH)
        assert part.next_span(set(), 8) == Span(10, 2 * LENGTH), "up to what is here already"
        assert part.next_span(set(), 1) == Span(10, LENGTH)
        assert part.next_span({0, 1}, 8) == Span(2 * LENGTH + 1, SIZE)
        assert part.next_span({0, 1, 2, 3}, 8) is None
        assert part.ready(0) == 10 and part.missing == SIZE - 11


def test_a_write_over_the_border_of_two_pieces(paths: tuple[Path, Path]) -> None:
    with Part(*paths) as part:
        part.begin(SIZE, "")
        part.write([b"x" * (LENGTH - 3), b"y" * 7], 0)
        assert part.ready(0) == part.here == LENGTH + 4
        part.lose(0)
        assert (part.ready(0), part.here) == (0, 4)


@given(st.binary())
def test_garbage_says_nothing(garbage: bytes) -> None:
    assert read_journal(garbage) is None


@given(st.integers(), st.binary(max_size=400))
def test_lines_that_cannot_be_read_are_pieces_that_are_not_here(size: int, lines: bytes) -> None:
    head = f'{{"size": {size}, "url": "", "validator": null, "piece": {LENGTH}}}'
    found = read_journal(f"{head:1023}\n".encode() + lines)
    assert found is None or (sum(found.arrived) <= found.size and len(found.digests) == len(found.arrived))
