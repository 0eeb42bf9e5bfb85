"""An event loop in a thread of its own: how code without ``async`` waits for code that has it.

Knows threads and how to end; does not know what is waited for.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from homeroom.errors import UsageError

T = TypeVar("T")


class Portal:
    """An event loop in a thread of its own, so that code without ``async`` can wait on it from anywhere."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._open = True
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="homeroom", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it takes work: it was not closed, and this is not a forked child, which has no such thread."""
        return self._open and self._pid == os.getpid()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of *work*; an interrupt of the waiting thread cancels it. Raises UsageError once closed."""
        if not self.running:
            work.close()
            raise UsageError("engine.closed")
        return self._wait(work)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError:  # closed by another thread while this one waited
            raise UsageError("engine.closed") from None
        except BaseException:
            future.cancel()
            raise

    def iterate(self, pieces: AsyncGenerator[T]) -> Iterator[T]:
        """*pieces* one by one; leaving the loop early closes them."""

        async def following() -> T | None:
            return await anext(pieces, None)

        async def close() -> None:
            await pieces.aclose()

        try:
            while (piece := self.run(following())) is not None:
                yield piece
        finally:
            if self.running:
                self.run(close())

    async def _wind_up(self, last: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
        """Do the *last* thing, and end whatever another thread still waits for."""
        if last is not None:
            await last()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def close(self, last: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Do the *last* thing and end the loop. The garbage collector may call this in the loop's own thread."""
        if not self.running:
            return
        self._open = False
        if threading.current_thread() is self._thread:
            ending = self._loop.create_task(self._wind_up(last))
            ending.add_done_callback(lambda _: self._loop.stop())
            return
        self._wait(self._wind_up(last))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
