"""The SHA-256 of a file from its first byte on, taken once while it arrives, and what a piece's digest is good for.

The digest at the end of each piece is that of the whole file up to there. It costs nothing beside the one of the whole
(FIPS 180-4: a running hash can be copied), and the first piece whose digest differs is the first that has changed.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homeroom.kept import read_bytes
from homeroom.models.disk import PIECE, disk_error
from homeroom.models.download.pieces import LARGEST_JOURNAL, LENGTH, Part, read_journal

STEP: Final = LENGTH
"""Bytes that are hashed at most before the event loop hears of it."""


class Prefix:
    """The running digest of *part*, up to the byte ``at``. ``advance`` runs in a thread beside all else."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.lost = 0
        """Pieces that were here and have to come again."""
        self._replaced: set[int] = set()
        self._buffer = memoryview(bytearray(PIECE))
        self._lock = threading.Lock()
        self._restart()

    def restart(self) -> None:
        """Read all of it again."""
        with self._lock:
            self._restart()

    def _restart(self) -> None:
        self.at = 0
        self._hash = hashlib.sha256()
        self._piece = 0
        """The piece that is being read, and what the digest was at its start."""
        self._before = self._hash.copy()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    @property
    def behind(self) -> int:
        """How many bytes there are to read."""
        return self.part.ready(self.at) - self.at

    def advance(self) -> None:
        """Read on as far as bytes are there, at most a step. A piece that is not what it was is lost.

        When it has come again and still is another, the digests of before are no measure any more.
        """
        for _ in range(STEP // PIECE):
            with self._lock:
                if not self._block():
                    return

    def _block(self) -> bool:
        until, piece = self.part.ready(self.at), self.at // LENGTH
        if self.at >= until:
            return False
        count = self.part.read(self.at, self._buffer[: min(until, (piece + 1) * LENGTH) - self.at])
        self._hash.update(self._buffer[:count])
        self.at += count
        ended = self.at % LENGTH == 0 or self.at == self.part.size
        if not count or (ended and not self._proven(piece)):  # nothing: another hand has cut the file
            self._replaced.add(piece)
            self._lose(piece)
        return True

    def _proven(self, piece: int) -> bool:
        """Whether *piece*, which has been read to its end, is what it was."""
        known, found = self.part.digests[piece], self._hash.hexdigest()
        if known is not None and known != found:
            if piece not in self._replaced:
                return False
            self.part.forget_digests(piece)
        self.part.prove(piece, found)
        self._piece, self._before = piece + 1, self._hash.copy()
        return True

    # ---- what has to be read again

    def begin(self, size: int | None, url: str, validator: str | None = None) -> None:
        """Start the file anew, as ``Part.begin``."""
        with self._lock:
            self.part.begin(size, url, validator)
            self._restart()

    def lose(self, piece: int) -> None:
        """Have *piece* come again."""
        with self._lock:
            self._lose(piece)

    def _lose(self, piece: int) -> None:
        self.lost += 1
        self.part.lose(piece)
        if piece < self._piece:
            self._restart()
        elif self.at > piece * LENGTH:
            self.at, self._hash = piece * LENGTH, self._before.copy()


@dataclass(frozen=True, slots=True)
class Examined:
    """What a file turned out to be. ``damaged`` is where its first changed piece begins, None where that is not known."""

    whole: bool
    damaged: int | None = None


def examine(path: Path, sha256: str, table: Path, *, progress: Callable[[int], None] | None = None) -> Examined:
    """Read the file at *path* and compare it with *sha256*, and its pieces with the *table* that its download left.

    *progress* is told the bytes read so far. Raises StoreFailure where the file cannot be read.
    """
    known = _known(table, sha256)
    digest, at, damaged = hashlib.sha256(), 0, None
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(min(PIECE, LENGTH - at % LENGTH)):
                digest.update(block)
                at += len(block)
                if damaged is None and known.get(at) not in (None, digest.hexdigest()):
                    damaged = (at - 1) // LENGTH * LENGTH
                if progress is not None:
                    progress(at)
    except OSError as error:
        raise disk_error(error, path.parent) from error
    if damaged is None and at < max(known, default=0):
        damaged = at // LENGTH * LENGTH
    return Examined(digest.hexdigest() == sha256, damaged)


def _known(table: Path, sha256: str) -> dict[int, str | None]:
    """The digests of the file of *sha256* by where they end; none where the table is of no use."""
    try:
        journal = read_journal(read_bytes(table, LARGEST_JOURNAL))
    except (OSError, ValueError):  # its download kept none, or it is none
        return {}
    if journal is None or journal.digests[-1:] != (sha256,):
        return {}
    return {min((piece + 1) * LENGTH, journal.size): digest for piece, digest in enumerate(journal.digests)}
