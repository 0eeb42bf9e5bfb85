"""Folders for files that are of use for seconds, and the removal of those that a killed process has left behind.

Knows that a lock falls free when its holder dies in any way; does not know what lies in the folders.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from homeroom.models.disk import try_lock

_OWNER: Final = "owner.lock"
_YOUNG: Final = 60.0
"""Seconds in which a folder may not have its lock yet."""


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder whose name begins with *prefix*, gone at the end; those of dead processes go too. Raises OSError."""
    sweep(prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    descriptor = -1
    try:
        descriptor = os.open(folder / _OWNER, os.O_RDWR | os.O_CREAT, 0o600)
        with suppress(OSError):  # a file system without locks: nobody will take the folder for left behind
            try_lock(descriptor)
        yield folder
    finally:
        if descriptor >= 0:
            os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def sweep(prefix: str, *, young: float = _YOUNG) -> int:
    """Remove this user's folders of *prefix* whose process is gone, and return how many; *young* seconds are spared.

    The process holds a lock for as long as it lives: its number alone would mean another in another container.
    """
    gone = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):  # not ours, or swept by another at this moment
            if _left_behind(folder, young):
                shutil.rmtree(folder)
                gone += 1
    return gone


def _left_behind(folder: Path, young: float) -> bool:
    status = folder.lstat()
    mine = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    if folder.is_symlink() or not folder.is_dir() or not mine or time.time() - status.st_mtime < young:
        return False
    descriptor = os.open(folder / _OWNER, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        return try_lock(descriptor)
    finally:
        os.close(descriptor)
