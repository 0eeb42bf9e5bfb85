"""A file that arrives in pieces, on disk: its bytes, and a journal of what has arrived and what that looked like.

Knows offsets and records; does not know where bytes come from (``download``) nor digests of the whole (``prefix``).

    HEX.part       the bytes, each at its own place; what has not come is a hole
    HEX.journal    a line of JSON, then a line for each piece: how many of its bytes are here, counted from its
                   start, and the SHA-256 of the file from its first byte to this piece's last, once that is known

A line is written after the bytes that it tells of, so that a killed process leaves no claim without its bytes. After a
power cut there may be one: whoever goes on reads what is claimed again and compares it with the digests.
The journal of a whole file is kept as its table of pieces: it tells which piece has changed since.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import threading
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homeroom.models.disk import PIECE, disk_error, sync_folder

LENGTH: Final = 8 << 20
"""Bytes of a piece. The last one is shorter."""
LARGEST_JOURNAL: Final = 64 << 20
"""Bytes: of a file of 7 TB."""
_HEAD: Final = 1024
"""Bytes of the journal's first line, which is filled up with spaces."""
_RECORD: Final = re.compile(rb"(\d{12}) ([0-9a-f]{64}|-{64})\n")
_RECORD_BYTES: Final = 12 + 1 + 64 + 1
_UNKNOWN: Final = "-" * 64


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from ``start`` to before ``end``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Journal:
    """What a journal says of a file of ``size`` bytes; ``arrived`` and ``digests`` have an item for each piece."""

    size: int
    url: str
    validator: str | None
    arrived: tuple[int, ...]
    digests: tuple[str | None, ...]


def piece_bytes(piece: int, size: int) -> int:
    """How long a *piece* of a file of *size* bytes is."""
    return min(LENGTH, size - piece * LENGTH)


def read_journal(raw: bytes | bytearray) -> Journal | None:
    """What *raw* says; None where its head cannot be read. A line that cannot be is a piece that is not here."""
    try:
        head = json.loads(raw[:_HEAD])
        size, url, validator, length = head["size"], head["url"], head["validator"], head["piece"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(url, str) or not isinstance(validator, str | None) or length != LENGTH:
        return None
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(raw) * LENGTH:
        return None
    count = -(-size // LENGTH)
    arrived, digests = [], []
    for piece in range(count):
        at = _HEAD + piece * _RECORD_BYTES
        found = _RECORD.fullmatch(raw, at, at + _RECORD_BYTES)
        arrived.append(min(int(found[1]), piece_bytes(piece, size)) if found else 0)
        digests.append(found[2].decode() if found and found[2][:1] != b"-" else None)
    return Journal(size, url, validator, tuple(arrived), tuple(digests))


class Part:
    """The pieces of one file at *path* and the journal that goes with them. All methods raise DiskFull, StoreFailure.

    ``size`` is that of the whole file in bytes, None until it is known. ``write`` and ``read`` may run in threads, several at
    once where their pieces differ.
    """

    def __init__(self, path: Path, journal: Path) -> None:
        self.path = path
        self.size: int | None = None
        self.url = ""
        self.validator: str | None = None
        self.digests: list[str | None] = []
        self.suspects: frozenset[int] = frozenset()
        """Pieces that an earlier run claims without a digest to compare them with."""
        self._arrived: list[int] = []
        self._noting = threading.Lock()
        self._file = _open(path)
        try:
            self._journal = _open(journal)
        except BaseException:
            self._file.close()
            raise
        self._journal_path = journal
        self._load()

    def __enter__(self) -> Part:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._journal.close()

    # ---- the journal

    def begin(self, size: int | None, url: str, validator: str | None = None) -> None:
        """Start a file of *size* bytes anew, of which nothing is here."""
        if self._file.length():
            self._file.truncate(0)
        self._describe(size, url, validator, claimed=False)

    def claim(self, size: int, url: str) -> None:
        """Take what is here for a file of *size* bytes, and none of it for certain."""
        self._describe(size, url, None, claimed=True)

    def _describe(self, size: int | None, url: str, validator: str | None, *, claimed: bool) -> None:
        self.size, self.url, self.validator = size, url, validator
        count = 0 if size is None else -(-size // LENGTH)
        self.digests = [None] * count
        self._arrived = [self._most(piece) if claimed else 0 for piece in range(count)]
        self._count()
        self._journal.truncate(0)
        self._journal.write([self._head() + b"".join(map(self._record, range(count)))], 0)

    def identify(self, url: str, validator: str | None, size: int | None = None) -> None:
        """Note whose bytes these are, and with *size* that there are no more."""
        self.url, self.validator = url, validator
        self.size = self.size if size is None else size
        self._journal.write([self._head()], 0)

    def _load(self) -> None:
        """Take up what the journal says, where it can be read."""
        length = self._journal.length()
        raw = bytearray(length if length <= LARGEST_JOURNAL else 0)
        found = read_journal(raw[: self._journal.read(0, memoryview(raw))]) if raw else None
        if found is None:
            return
        self.size, self.url, self.validator = found.size, found.url, found.validator
        self._arrived, self.digests = list(found.arrived), list(found.digests)
        self._count()

    def _count(self) -> None:
        """Believe no claim that goes beyond the file's end."""
        length = self._file.length()
        for piece, count in enumerate(self._arrived):
            self._arrived[piece] = max(0, min(count, length - piece * LENGTH))
        self.suspects = frozenset(
            piece for piece, count in enumerate(self._arrived) if count and self.digests[piece] is None
        )

    def _head(self) -> bytes:
        facts = {"format": 1, "size": self.size, "piece": LENGTH, "url": self.url, "validator": self.validator}
        written = json.dumps(facts)
        if len(written) >= _HEAD:  # an address of that length: it is only there to be recognized
            written = json.dumps(facts | {"url": ""})
        return f"{written:{_HEAD - 1}}\n".encode()

    def _record(self, piece: int) -> bytes:
        return f"{self._arrived[piece]:012d} {self.digests[piece] or _UNKNOWN}\n".encode()

    def _note(self, first: int, last: int) -> None:
        """Write the lines of pieces *first* to *last* as they are now, whichever thread is late."""
        with self._noting:
            lines = b"".join(map(self._record, range(first, last + 1)))
            self._journal.write([lines], _HEAD + first * _RECORD_BYTES)

    # ---- pieces

    @property
    def pieces(self) -> int:
        return len(self._arrived)

    @property
    def here(self) -> int:
        """Bytes that have arrived."""
        return sum(self._arrived)

    @property
    def missing(self) -> int:
        """Bytes that have yet to come, as far as is known."""
        return (self.size or 0) - self.here

    @property
    def whole(self) -> bool:
        return self.size == self.here

    def _most(self, piece: int) -> int:
        return LENGTH if self.size is None else piece_bytes(piece, self.size)

    def ready(self, start: int) -> int:
        """The first byte from *start* on that is not here."""
        for piece in range(start // LENGTH, self.pieces):
            if self._arrived[piece] < self._most(piece):
                return max(start, piece * LENGTH + self._arrived[piece])
        return self.pieces * LENGTH if self.size is None else self.size

    def next_span(self, taken: Collection[int], most: int) -> Span | None:
        """The first bytes missing that no piece of *taken* has, at most *most* pieces in a row; None: there are none."""
        for first in range(self.pieces):
            if self._arrived[first] < self._most(first) and first not in taken:
                last = first
                while (
                    last + 1 < min(self.pieces, first + most) and not self._arrived[last + 1] and last + 1 not in taken
                ):
                    last += 1
                return Span(first * LENGTH + self._arrived[first], last * LENGTH + self._most(last))
        return None

    def write(self, chunks: Sequence[bytes | memoryview], start: int) -> None:
        """Put *chunks* in their place, then claim them. They go on where their piece's bytes end."""
        self._file.write(chunks, start, needed=self.missing)
        end = start + sum(map(len, chunks))
        first, last = start // LENGTH, (end - 1) // LENGTH
        while last >= self.pieces:  # a file whose size nobody told
            self._arrived.append(0)
            self.digests.append(None)
        for piece in range(first, last + 1):
            self._arrived[piece] = min(end - piece * LENGTH, LENGTH)
        self._note(first, last)

    def read(self, start: int, buffer: memoryview) -> int:
        """Fill *buffer* with the bytes from *start*, and tell how many they were: fewer where the file ends."""
        return self._file.read(start, buffer)

    def fingerprint(self, piece: int) -> bytes:
        """What is here of *piece*, in 32 bytes."""
        digest, at, end = hashlib.sha256(), piece * LENGTH, piece * LENGTH + self._most(piece)
        buffer = memoryview(bytearray(PIECE))
        while at < end and (count := self.read(at, buffer[: end - at])):
            digest.update(buffer[:count])
            at += count
        return digest.digest()

    def prove(self, piece: int, digest: str | None) -> None:
        """Note the digest of the file up to the end of *piece*."""
        if self.digests[piece] != digest:
            self.digests[piece] = digest
            self._note(piece, piece)

    def forget_digests(self, first: int = 0) -> None:
        """Compare nothing from piece *first* on with what it looked like before."""
        if first < self.pieces:
            self.digests[first:] = [None] * (self.pieces - first)
            self._note(first, self.pieces - 1)

    def lose(self, piece: int) -> None:
        """What is here of *piece* is not what it should be: it has to come again."""
        self._arrived[piece] = 0
        self._note(piece, piece)

    # ---- the end

    def delete(self) -> None:
        self.__exit__()
        for path in (self.path, self._journal_path):
            with suppress(OSError):  # what cannot be deleted is found wrong by the next run
                path.unlink()

    def sync(self) -> None:
        """Have every byte on the disk for certain, and none too many."""
        if self.size is not None and self._file.length() > self.size:
            self._file.truncate(self.size)
        self._file.sync()

    def finish(self, target: Path) -> None:
        """Give the file, which is whole and on the disk for certain, its name."""
        self.__exit__()
        try:
            self.path.replace(target)
        except OSError as error:
            raise disk_error(error, target.parent) from error
        sync_folder(target.parent)


def keep_table(journal: Path, table: Path) -> None:
    """Keep the journal of a file that is whole, where there is one. Without it a changed piece is harder to find."""
    with suppress(OSError):
        table.parent.mkdir(mode=0o700, exist_ok=True)
        journal.replace(table)


# ---- bytes at a place


def _open(path: Path) -> _File:
    try:
        return _File(path, os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600))
    except OSError as error:
        raise disk_error(error, path.parent) from error


class _File:
    """An open file, read and written at any place by several threads."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._folder = path.parent
        self._descriptor = descriptor
        self._closed = False

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self._descriptor)

    def length(self) -> int:
        return os.fstat(self._descriptor).st_size

    def truncate(self, length: int) -> None:
        try:
            os.ftruncate(self._descriptor, length)
        except OSError as error:
            raise disk_error(error, self._folder) from error

    def sync(self) -> None:
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise disk_error(error, self._folder) from error

    def read(self, start: int, buffer: memoryview) -> int:
        try:
            return _read_at(self._descriptor, buffer, start)
        except OSError as error:
            raise disk_error(error, self._folder) from error

    def write(self, chunks: Sequence[bytes | memoryview], start: int, *, needed: int = 0) -> None:
        rest = [memoryview(chunk) for chunk in chunks]
        try:
            while rest:
                count = _write_at(self._descriptor, rest[:_MOST_BUFFERS], start)
                start += count
                while rest and count >= len(rest[0]):
                    count -= len(rest.pop(0))
                if count:
                    rest[0] = rest[0][count:]
        except OSError as error:
            raise disk_error(error, self._folder, needed=needed) from error


_MOST_BUFFERS: Final = 512
"""Chunks of one system call; Linux takes 1024."""

if sys.platform == "win32":
    _lock: Final = threading.Lock()

    def _read_at(descriptor: int, buffer: memoryview, start: int) -> int:
        with _lock:
            os.lseek(descriptor, start, os.SEEK_SET)
            found = os.read(descriptor, len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def _write_at(descriptor: int, chunks: list[memoryview], start: int) -> int:
        with _lock:
            os.lseek(descriptor, start, os.SEEK_SET)
            return os.write(descriptor, chunks[0])
else:

    def _read_at(descriptor: int, buffer: memoryview, start: int) -> int:
        return os.preadv(descriptor, [buffer], start)

    def _write_at(descriptor: int, chunks: list[memoryview], start: int) -> int:
        return os.pwritev(descriptor, chunks, start)
