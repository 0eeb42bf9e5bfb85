"""When each model of another program was last used here: the modification time of an empty file of its name.

Knows one folder of such files, in homeroom's own store; does not know which models there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from homeroom.models.store.manifest import file_name


@dataclass(frozen=True, slots=True)
class Stamps:
    """The files in *folder*. Reading never creates anything."""

    folder: Path
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def touch(self, name: str) -> None:
        """Note that *name* is used now. A disk that refuses is no reason not to run the model."""
        stamp = self.folder / file_name(name)
        with suppress(OSError):
            for folder in (self.folder.parent.parent, self.folder.parent, self.folder):
                folder.mkdir(mode=0o700, exist_ok=True)
            stamp.touch(mode=0o600)
            now = self.clock().timestamp()
            os.utime(stamp, (now, now))

    def when(self, name: str) -> datetime | None:
        """When that was; None where it never was, or by a clock gone wild."""
        try:
            return datetime.fromtimestamp((self.folder / file_name(name)).stat().st_mtime, UTC)
        except (OSError, OverflowError, ValueError):
            return None
