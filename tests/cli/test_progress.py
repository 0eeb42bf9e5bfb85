"""Progress on a terminal and in a log."""

from __future__ import annotations

import io

import pytest

from homeroom import text
from homeroom.cli.layout import columns
from homeroom.cli.output import Output, Wants
from homeroom.cli.progress import Bar, Status


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def pull(stream: io.StringIO, *, quiet: bool = False, whole: bool = True) -> str:
    clock = Clock()
    bar = Bar(Output(Wants(quiet=quiet), io.StringIO(), stream), clock)
    bar.begin("Fetching", 100_000_000)
    for _ in range(10 if whole else 5):
        clock.now += 1
        bar.advance(10_000_000)
    bar.done()
    return stream.getvalue()


def test_a_log_gets_one_line_at_each_end() -> None:
    assert pull(io.StringIO()) == "Fetching (100.0 MB)…\nFetching: 100.0 MB in 10 s\n"


def test_what_did_not_end_well_has_no_last_line() -> None:
    assert pull(io.StringIO(), whole=False) == "Fetching (100.0 MB)…\n"


def test_quiet_says_nothing() -> None:
    assert pull(io.StringIO(), quiet=True) == ""


def test_a_terminal_sees_part_rate_and_remaining_time_and_then_a_clean_line() -> None:
    shown = pull(Terminal())
    assert " 50%  50.0 MB / 100.0 MB  10.0 MB/s, 5.0 s left" in shown
    assert shown.endswith("\r\x1b[KFetching: 100.0 MB in 10 s\n")


def test_bytes_of_an_earlier_run_do_not_count_for_the_rate() -> None:
    clock, stream = Clock(), Terminal()
    bar = Bar(Output(Wants(), io.StringIO(), stream), clock)
    bar.begin("Fetching", 100_000_000)
    clock.now += 0.5
    bar.advance(80_000_000)  # resumed
    for _ in range(5):
        clock.now += 1
        bar.advance(1_000_000)
    assert "1.0 MB/s" in stream.getvalue().rpartition("\r")[2]


def test_a_total_that_nobody_knows() -> None:
    stream = Terminal()
    bar = Bar(Output(Wants(), io.StringIO(), stream), Clock())
    bar.begin("Waiting", None)
    bar.done()
    assert stream.getvalue() == "\r\x1b[KWaiting  …\r\x1b[K"


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_default", "zh")


@pytest.mark.parametrize("width", [40, *range(56, 68), 80])
def test_no_line_is_as_wide_as_the_terminal_in_chinese(
    width: int, chinese: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that wraps is not replaced by the next one: the terminal would scroll at each tick."""
    monkeypatch.setenv("COLUMNS", str(width))
    clock, stream = Clock(), Terminal()
    bar = Bar(Output(Wants(), io.StringIO(), stream), clock)
    bar.begin("正在下载", 4_700_000_000)
    for _ in range(10):
        clock.now += 3
        bar.advance(10_000_000)
    Status(Output(Wants(), io.StringIO(), stream)).show("正在读取提示词：" * 20)
    lines = stream.getvalue().split("\r\x1b[K")
    assert len(lines) == 13 and max(map(columns, lines)) in (width - 2, width - 1)
    if width == 80:
        assert "3.3 MB/秒，剩余" in lines[5]


def test_a_log_in_chinese(chinese: None) -> None:
    assert pull(io.StringIO()) == "Fetching（100.0 MB）…\nFetching：100.0 MB，用时 10 s\n"
