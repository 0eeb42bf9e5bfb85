"""What ties a child process to its parent, so that none is left behind.

Knows operating systems; does not know what the child does.
"""

from __future__ import annotations

import os
import sys
import threading


def die_with_parent() -> None:
    """Ask Linux to end this process with its parent, even while foreign code holds the interpreter."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes
    import signal

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, linux/prctl.h


def leave_when_input_closes() -> None:
    """End this process when its standard input closes, which also happens when its parent dies in any way."""
    threading.Thread(target=_wait_and_leave, daemon=True).start()


def _wait_and_leave() -> None:
    sys.stdin.buffer.read()
    os._exit(0)  # foreign threads would keep a normal exit waiting
