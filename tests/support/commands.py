"""The command line as a process of its own: run to its end, left running, or on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil

HOMEROOM: Final = [sys.executable, "-m", "homeroom"]
SECONDS: Final = 60.0
_ON_TERMINAL: Final = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
_ESCAPE: Final = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>])")


MakeHome = Callable[[], Path]
"""What the fixture ``make_home`` is: each call gives a new home that has the starter model."""


@dataclass(frozen=True)
class Answer:
    """What a command said, and its exit code."""

    out: str
    err: str
    code: int

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Running:
    """A gateway that ``homeroom up`` runs."""

    home: Path
    base_url: str
    key: str
    pid: int


def environment(home: Path, **more: str) -> dict[str, str]:
    """This process's, with *home* and no other setting of homeroom but one thread.

    The engine's threads spin while they wait for each other: two of them on cores that others use answer many times
    slower than one.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOMEROOM_")}
    own = {"HOMEROOM_HOME": str(home), "HOMEROOM_STORES": "none", "HOMEROOM_THREADS": "1"}
    return kept | own | {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"} | more


def cli(home: Path, *words: str, stdin: str | None = None, **more: str) -> Answer:
    """``cli(home, "list", "--json")``: run ``homeroom list --json`` to its end."""
    done = subprocess.run(
        [*HOMEROOM, *words],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        encoding="utf-8",
        env=environment(home, **more),
        timeout=SECONDS,
    )
    return Answer(done.stdout, done.stderr, done.returncode)


def start(home: Path, *words: str, **more: str) -> subprocess.Popen[str]:
    """``homeroom WORDS`` as a process that goes on; see ``end``."""
    return subprocess.Popen(
        [*HOMEROOM, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(home, **more),
    )


def end(process: subprocess.Popen[str], how: int = signal.SIGINT) -> Answer:
    """Send *how* to *process*, wait for its end, and see that no process that it started is left."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(how)
    out, err = process.communicate(timeout=SECONDS)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive, alive
    return Answer(out, err, process.returncode)


class Terminal:
    """``homeroom WORDS`` on a terminal of its own. ``expect`` waits for words on it, ``send`` types."""

    def __init__(self, home: Path, *words: str, **more: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
        settings = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"} | more
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_TERMINAL, *HOMEROOM, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=environment(home, **settings),
        )
        os.close(slave)
        self.raw = ""
        self._read, self._left = 0, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)

    def send(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def expect(self, pattern: str, seconds: float = 30.0) -> str:
        """What is shown up to and with *pattern*, from where the last ``expect`` ended."""
        deadline = time.monotonic() + seconds
        while True:
            shown = self._left + _ESCAPE.sub("", self.raw[self._read :])
            if found := re.search(pattern, shown):
                self._read, self._left = len(self.raw), shown[found.end() :]
                return shown[: found.end()]
            if not self._more(deadline - time.monotonic()):
                raise AssertionError(f"{pattern!r} is not in {shown!r}")

    def ended(self, seconds: float = 15.0) -> int:
        """The exit code, once the command has ended."""
        while self._more(1.0):
            pass
        return self.process.wait(seconds)

    def _more(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # Linux's way to say that nobody has the other side open
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)
