"""What a power cut may leave of a folder: a program's changes are recorded, and done again in part elsewhere.

A change is certain once the folder it was made in (or the file that was written) has been flushed with fsync; of the
changes after that a disk may have kept any. Python's own audit events tell the changes; fsync, which has none, is wrapped.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

Observer = Callable[[str, tuple[Path, ...], bytes], None]
_observer: list[Observer] = []
_TWO: Final = ("os.rename", "os.link")
_ONE: Final = ("os.remove", "os.mkdir", "os.rmdir")
MOST_SUBSETS: Final = 8


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _observer:
        return
    if event in _TWO:
        _observer[0](event, (Path(arguments[0]), Path(arguments[1])), b"")
    elif event in _ONE:
        _observer[0](event, (Path(arguments[0]),), b"")
    elif event == "os.symlink":
        _observer[0](event, (Path(arguments[1]),), os.fsencode(arguments[0]))
    elif event == "open" and arguments[2] & (os.O_CREAT | os.O_TRUNC) and isinstance(arguments[0], str | os.PathLike):
        _observer[0](event, (Path(arguments[0]),), b"")


sys.addaudithook(_hook)


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Tell *observer* of every change just before it is made, and of every fsync. What it raises, the change raises."""

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        observer("fsync", (path,), b"" if path.is_dir() else path.read_bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        _observer.append(observer)
        try:
            yield
        finally:
            _observer.clear()


@dataclass(frozen=True)
class Change:
    """One change of a folder's entries, or of a file's content."""

    event: str
    paths: tuple[Path, ...]
    content: bytes

    @property
    def place(self) -> Path | None:
        """The folder that must be flushed before it is certain. None for what is certain at once, and for a new file: it is
        as certain as the name that it is given later, and until then an empty one is as good as none."""
        return None if self.event in ("fsync", "open") else self.paths[-1].parent


@dataclass
class Recording:
    """What a program did under *root*, in order."""

    root: Path
    changes: list[Change] = field(default_factory=list)

    def __call__(self, event: str, paths: tuple[Path, ...], content: bytes) -> None:
        if paths[-1].is_relative_to(self.root) and paths[-1].suffix != ".lock":  # a lock's file means nothing
            self.changes.append(Change(event, tuple(path.relative_to(self.root) for path in paths), content))

    def cuts(self, seed: int) -> Iterator[tuple[int, list[Change]]]:
        """Every number of changes after which the power may go, with each set of those that the disk may then have."""
        choose = random.Random(seed)
        told: set[tuple[int, ...]] = set()
        for end in range(len(self.changes) + 1):
            done = self.changes[:end]
            flushed = {
                change.paths[0]: number for number, change in enumerate(done) if change.event == "fsync"
            }  # the last time
            unsure = [
                number
                for number, change in enumerate(done)
                if change.place is not None and flushed.get(change.place, -1) < number
            ]
            for lost in _subsets(unsure, choose):
                kept = tuple(number for number in range(end) if number not in lost)
                if kept not in told or end == len(self.changes):
                    told.add(kept)
                    yield end, [done[number] for number in kept]


def _subsets(numbers: list[int], choose: random.Random) -> list[set[int]]:
    """Every subset where they are few; else none, all, each alone, all but each, and some by chance."""
    if len(numbers) <= 4:
        return [set(some) for size in range(len(numbers) + 1) for some in itertools.combinations(numbers, size)]
    every = set(numbers)
    singles = [one for number in numbers for one in ({number}, every - {number})]
    return [set(), every, *singles, *({n for n in numbers if choose.random() < 0.5} for _ in range(MOST_SUBSETS))]


def copy(source: Path, target: Path) -> None:
    """A folder of the same files, by hard links: what is one file in the one is one in the other."""
    target.mkdir(parents=True)
    for entry in os.scandir(source):
        if entry.is_dir(follow_symlinks=False):
            copy(Path(entry), target / entry.name)
        else:
            os.link(entry, target / entry.name, follow_symlinks=False)


def replay(changes: list[Change], root: Path) -> None:
    """Make *changes* under *root*; one that needs another which was lost is lost with it."""
    for change in changes:
        path, *more = (root / one for one in change.paths)
        with suppress(OSError):
            if change.event == "open":
                path.unlink(missing_ok=True)
                path.touch()
            elif change.event == "fsync" and not path.is_dir() and path.exists():
                path.write_bytes(change.content)
            elif change.event == "os.rename":
                path.replace(more[0])
            elif change.event == "os.link":
                more[0].hardlink_to(path)
            elif change.event == "os.symlink":
                path.symlink_to(os.fsdecode(change.content))
            elif change.event == "os.remove":
                path.unlink()
            elif change.event == "os.mkdir":
                path.mkdir()
            elif change.event == "os.rmdir":
                path.rmdir()
