"""A disk of a few megabytes for one command, in a mount namespace of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


def small_disk(folder: Path, megabytes: int) -> tuple[str, ...] | None:
    """What to put before a command so that *folder* is a file system of that size; None where nobody may."""
    folder.mkdir(exist_ok=True)
    script = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'
    for namespace in (["unshare", "-rm"], ["unshare", "-m"]):
        before = (*namespace, "sh", "-c", script, "sh", f"{megabytes}M", str(folder))
        if (
            shutil.which("unshare")
            and subprocess.run([*before, sys.executable, "-c", ""], capture_output=True).returncode == 0
        ):
            return before
    return None
