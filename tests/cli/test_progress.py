"""Progress on a terminal and in a log."""

from __future__ import annotations

import io

from homeroom.cli.output import Output, Wants
from homeroom.cli.progress import Bar


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
