"""How far something is: a bar with rate and remaining time on a terminal, else one line at each end.

Writes on standard error only. Knows bytes and seconds; does not know what is counted. Serves ``Progress`` of
``models/starter.py`` and the engine's loading alike.
"""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from homeroom import text
from homeroom.cli.layout import clip, columns
from homeroom.cli.output import Output, plain

WINDOW_SECONDS: Final = 4.0
"""The rate is that of the last seconds: a resumed download begins with bytes that cost no time."""
REDRAW_SECONDS: Final = 0.1
BAR: Final = 20
CLEAR: Final = "\r\x1b[K"


class Bar:
    """``begin``, ``advance`` and ``done``, as often as there are stages."""

    def __init__(self, output: Output, clock: Callable[[], float] = time.monotonic) -> None:
        self._output, self._clock = output, clock
        self._live = output.stderr.isatty() and not output.quiet
        self._label, self._total, self._count = "", 0, 0
        self._begun = self._drawn = 0.0
        self._seen: deque[tuple[float, int]] = deque()

    def begin(self, label: str, total_bytes: int | None) -> None:
        self._label, self._total, self._count = label, total_bytes or 0, 0
        self._begun, self._drawn = self._clock(), 0.0
        self._seen.clear()
        if self._live:
            self._draw()
        else:
            size = text.size(self._total)
            self._output.say(text.t("cli.progress.begun", label=label, size=size) if self._total else f"{label}…")

    def advance(self, count: int) -> None:
        self._count += count
        now = self._clock()
        self._seen.append((now, self._count))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW_SECONDS:
            self._seen.popleft()
        if self._live and now - self._drawn >= REDRAW_SECONDS:
            self._draw()

    def done(self) -> None:
        if self._live:
            self._put(CLEAR)
        if self._total and self._count >= self._total:
            took = text.duration(self._clock() - self._begun)
            self._output.say(text.t("cli.progress.done", label=self._label, size=text.size(self._total), took=took))

    def reach(self, fraction: float) -> None:
        """As ``advance``, told as the part that is done, 0..1."""
        self.advance(round(fraction * self._total) - self._count)

    def _draw(self) -> None:
        self._drawn = self._clock()
        line = f"{self._label}  {self._state()}"
        if columns(line) > _room():
            line = self._state()
        self._put(CLEAR + _one_line(line, self._output))

    def _state(self) -> str:
        if not self._total:
            return "…"
        part = min(1.0, max(0.0, self._count / self._total))
        bar = "█" * round(part * BAR) + "░" * (BAR - round(part * BAR))
        words = f"{bar} {part:4.0%}  {text.size(self._count)} / {text.size(self._total)}"
        rate = self._rate()
        if rate:
            left = text.duration(max(0.0, (self._total - self._count) / rate))
            words += "  " + text.t("cli.progress.rate", rate=text.size(rate), left=left)
        return words

    def _rate(self) -> float:
        if len(self._seen) < 2:
            return 0.0
        (first, before), (last, now) = self._seen[0], self._seen[-1]
        return (now - before) / (last - first) if last > first else 0.0

    def _put(self, words: str) -> None:
        self._output.stderr.write(plain(words, self._output.stderr))
        self._output.stderr.flush()


def _room() -> int:
    """The columns that a line may take: one that fills the last is a line further down on some terminals."""
    return shutil.get_terminal_size().columns - 1


def _one_line(words: str, output: Output) -> str:
    """*words* as they can be written, no wider than the terminal: a line that wraps is not replaced by the next."""
    return clip(plain(words, output.stderr), _room())


class Status:
    """One line on a terminal's standard error that replaces itself and leaves nothing behind."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._live = output.stderr.isatty() and not output.quiet
        self._shown = False

    def show(self, sentence: str) -> None:
        if self._live:
            self._output.stderr.write(CLEAR + _one_line(sentence, self._output))
            self._output.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        if self._shown:
            self._output.stderr.write(CLEAR)
            self._output.stderr.flush()
            self._shown = False
