"""How asynchronous work of a command is run.

A command that serves gets uvloop where it is installed; one that only asks starts faster without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T], *, serves: bool = False) -> T:
    """The result of *work*. Ctrl-C cancels it, and is raised as KeyboardInterrupt once it has tidied up."""
    with asyncio.Runner(loop_factory=_fast_loop() if serves else None) as runner:
        return runner.run(work)


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows
        return None
    return uvloop.new_event_loop
