"""What may go wrong with a disk, told as errors of ours; whole-or-nothing writes; a lock that dies with its holder.

Knows files and free space; does not know models.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from homeroom import text
from homeroom.errors import DiskFull, HomeroomError, StoreFailure

PIECE: Final = 1 << 20
"""Bytes that are read or written at a time, so that memory stays flat whatever a model's size."""
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)

Sleep = Callable[[float], Awaitable[None]]


def disk_error(error: OSError, folder: Path, *, needed: int = 0) -> HomeroomError:
    """The error to raise for what the disk under *folder* answered; *needed* is bytes still to be written."""
    if error.errno in _FULL:
        return disk_full(folder, needed)
    return StoreFailure("models.store_failed", path=folder, reason=error.strerror or error)


def disk_full(folder: Path, needed: int) -> DiskFull:
    """A DiskFull that tells how many bytes are *needed* on the disk of *folder* and how many are free."""
    free = free_bytes(folder)
    return DiskFull(
        "models.disk_full",
        folder=folder,
        needed=text.size(max(needed, 1)),
        free=text.size(free),
        missing=text.size(max(1, needed - free)),
        needed_bytes=needed,
        free_bytes=free,
    )


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write on the disk of *folder*, which need not exist yet."""
    for place in (folder, *folder.parents):
        with suppress(FileNotFoundError, NotADirectoryError):
            return shutil.disk_usage(place).free
    return 0


def ensure_space(folder: Path, needed: int) -> None:
    """Raise DiskFull now rather than in the middle, where *needed* bytes do not fit the disk of *folder*."""
    if free_bytes(folder) < needed:
        raise disk_full(folder, needed)


def replace_file(path: Path, content: bytes, *, by_way_of: Path) -> None:
    """Write *path* whole or not at all, through a file on the same disk. Raises DiskFull, StoreFailure."""
    try:
        try:
            with by_way_of.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            by_way_of.replace(path)
        finally:
            by_way_of.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(error, path.parent, needed=len(content)) from error


def sync_folder(folder: Path) -> None:
    """Make a rename in *folder* survive a power cut, where the system can."""
    if sys.platform == "win32":  # a folder cannot be opened there
        return
    with suppress(OSError):  # some network file systems refuse; the rename itself has been done
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Lock:
    """One holder at a time, between processes and within one; it falls free when its holder dies.

    ``async with Lock(path, sleep=asyncio.sleep, waiting=tell):`` calls *waiting* once if another holds it. Without an
    event loop: ``take`` and ``release``, or ``hold``. While it is held others may read *note* (``note_in``).
    """

    def __init__(
        self,
        path: Path,
        *,
        sleep: Sleep | None = None,
        waiting: Callable[[], None] | None = None,
        note: bytes = b"",
    ) -> None:
        self._path = path
        self._note = note
        self._sleep = sleep
        self._waiting = waiting
        self._descriptor = -1

    async def __aenter__(self) -> Lock:
        assert self._sleep is not None
        told = self._waiting is None
        while not self.take():
            if not told and self._waiting is not None:
                self._waiting()
                told = True
            await self._sleep(0.05)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        if sys.platform == "win32":  # where a file that anybody has open stays
            os.close(self._descriptor)
        with suppress(OSError):
            self._path.unlink()
        if sys.platform != "win32":
            os.close(self._descriptor)

    def take(self) -> bool:
        """Whether the lock was free and is this holder's now. Raises StoreFailure, DiskFull."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise disk_error(error, self._path.parent) from error
        try:
            taken = try_lock(descriptor) and _same(descriptor, self._path)
        except OSError as error:
            os.close(descriptor)
            raise StoreFailure("models.no_lock", path=self._path, reason=error.strerror or error) from error
        if not taken:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        if self._note:
            try:
                os.lseek(descriptor, 1, os.SEEK_SET)  # Windows lets nobody read the byte that is locked, the first
                os.write(descriptor, self._note)
            except OSError as error:
                self.release()
                raise disk_error(error, self._path.parent) from error
        return True


def note_in(path: Path) -> bytes:
    """The note of whoever holds the lock at *path*; nothing where it has none, or nobody does any more."""
    try:
        with path.open("rb") as file:
            file.seek(1)
            return file.read(PIECE)
    except OSError:
        return b""


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Wait for the lock at *path*, which others hold for moments only, and keep it inside the block."""
    lock = Lock(path)
    while not lock.take():
        time.sleep(0.005)
    try:
        yield
    finally:
        lock.release()


def _same(descriptor: int, path: Path) -> bool:
    """Whether *path* is still the file that was opened: the last holder deletes it on leaving."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def try_lock(descriptor: int) -> bool:
        """Whether the lock of an open file was free and is this process's now. Raises OSError where there are none."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Whether the lock of an open file was free and is this process's now. Raises OSError where there are none."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
