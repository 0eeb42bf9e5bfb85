"""The one place that writes: a command hands over data and how people read it, and this chooses the form.

- human: tables and sentences. Data on standard output, everything else on standard error.
- ``--json``: one JSON value on standard output (indented on a terminal, one line in a pipe), never translated. An
  error is ``{"error": {"code", "message", "next"}}`` on standard output *and* its sentence on standard error, so
  that a program reads one stream and a person the other.
- ``-q``: the bare values, one a line, and no notes or progress. Warnings and errors stay.

Exit codes: those of the error tree (``errors.py``), 0 for a reader that closed the pipe early, 3 for a defect.
Does not know commands.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TextIO

from homeroom import text
from homeroom.cli.failures import explain, is_defect
from homeroom.cli.layout import harmless
from homeroom.cli.tables import Block, render
from homeroom.errors import HomeroomError

DIM: Final = ("\x1b[2m", "\x1b[22m")
_PLAIN: Final = {"✓": "[OK]", "✗": "[!!]", "…": "...", "·": "-", "█": "#", "░": "-", "–": "-"}
"""What is written for a sign that the terminal's encoding does not have."""


@dataclass(frozen=True, slots=True)
class Wants:
    """The common options."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    lang: str = ""


class Output:
    """Standard output and standard error as one command uses them."""

    def __init__(self, wants: Wants, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.wants = wants
        # A stream that the caller has closed is None. Its number goes to the null device, not to the next file opened.
        sys.stdout = sys.stdout or _nowhere()
        sys.stderr = sys.stderr or _nowhere()
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        for stream in (self.stdout, self.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a name of a file may hold anything

    @property
    def json(self) -> bool:
        return self.wants.json

    @property
    def quiet(self) -> bool:
        return self.wants.quiet

    @property
    def verbose(self) -> bool:
        return self.wants.verbose

    def settle(self, given: Mapping[str, Any]) -> None:
        """Take the common options as the whole command line was understood."""
        self.wants = replace(Wants(lang=self.wants.lang), **given)

    # ---- data, on standard output

    def show(self, data: Any, human: Iterable[Block], quiet: Iterable[str] | None = None) -> None:
        """Write *data* as JSON, or *human* for people, or *quiet*'s lines (by default the same as for people)."""
        if self.json:
            self._put(json.dumps(data, ensure_ascii=not speaks(self.stdout, "中✓"), indent=self._indent()) + "\n")
        elif self.quiet and quiet is not None:
            self._put("".join(f"{harmless(line)}\n" for line in quiet))
        else:
            for block in human:
                self._put(render(block, self.stdout, coloured(self.stdout)))

    def write(self, piece: str) -> None:
        """Write a piece of an answer at once, as it is."""
        self._put(piece)
        self.stdout.flush()

    def page(self, words: str) -> None:
        """Write a help page."""
        self._put(words.rstrip() + "\n")

    # ---- everything else, on standard error

    def say(self, sentence: str) -> None:
        """Tell what happens; not with ``-q``."""
        if not self.quiet:
            self._tell(sentence)

    def warn(self, sentence: str) -> None:
        """Tell what a person should know whatever the form."""
        self._tell(text.t("cli.warning", sentence=sentence))

    def blame(self, error: HomeroomError) -> None:
        """Tell an error and what to type next; the command may go on."""
        self._tell(text.t("cli.error", message=error.message))
        if error.next:
            self._tell(text.t("cli.next", sentence=error.next))

    def asks(self, question: str, *, otherwise: bool = False) -> bool:
        """Whether a person at a terminal says yes; without one, and where only Enter is typed, it is *otherwise*."""
        if self.json or sys.stdin is None or not (sys.stdin.isatty() and self.stderr.isatty()):
            return otherwise
        choices = "[Y/n]" if otherwise else "[y/N]"
        self.stderr.write(plain(f"{question} {choices} ", self.stderr))
        self.stderr.flush()
        typed = sys.stdin.readline()
        said = typed.strip().lower()
        return otherwise if typed and not said else said in ("y", "yes", "是")

    def fail(self, caught: BaseException) -> int:
        """Tell how the command ended, and return its exit code."""
        if isinstance(caught, BrokenPipeError):
            self._abandon()
            return 0
        try:
            self.stdout.flush()
        except OSError:  # a full disk, told below; what waits there is lost
            self._abandon()
        error = explain(caught)
        if is_defect(error) and self.verbose:
            import traceback

            self._tell("".join(traceback.format_exception(caught)).rstrip())
        self.blame(error)
        if self.json:
            try:
                self.show({"error": {"code": error.code, "message": error.message, "next": error.next}}, ())
                self.stdout.flush()
            except OSError:  # standard error has it
                self._abandon()
        return error.exit_code

    def flush(self) -> None:
        """Write what is still held back. Raises BrokenPipeError where nobody reads."""
        self.stdout.flush()
        self.stderr.flush()

    def _tell(self, sentence: str) -> None:
        self.stdout.flush()
        self.stderr.write(plain(harmless(sentence), self.stderr) + "\n")
        self.stderr.flush()

    def _put(self, words: str) -> None:
        self.stdout.write(plain(words, self.stdout))

    def _indent(self) -> int | None:
        return 2 if self.stdout.isatty() else None

    def _abandon(self) -> None:
        """Nothing can be written any more: let what waits, and the interpreter's last flush, go nowhere."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stdout.fileno())
            os.close(nowhere)


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def coloured(stream: TextIO) -> bool:
    """Whether colours may be used: a terminal that has them, and no NO_COLOR (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def speaks(stream: TextIO, sample: str) -> bool:
    """Whether the encoding of *stream* has every letter of *sample*."""
    try:
        sample.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def plain(words: str, stream: TextIO) -> str:
    """*words* with the signs that *stream* cannot show replaced by ASCII."""
    if words.isascii() or speaks(stream, "".join(_PLAIN)):
        return words
    for sign, instead in _PLAIN.items():
        words = words.replace(sign, instead)
    return words
