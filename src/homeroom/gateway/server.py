"""One gateway from start to end: the port, the engines, the local socket, the application, and all of it down again.

Knows the order in which these are started and stopped; does not know routes or commands.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import logging.handlers
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import uvicorn

from homeroom import text
from homeroom.engine import local
from homeroom.engine.plan import Ask
from homeroom.engine.pool import EnginePool
from homeroom.errors import PortTaken, RuntimeFailure
from homeroom.gateway.app import Gateway
from homeroom.gateway.keys import KeyRing
from homeroom.gateway.protocol import protocol_with_limit
from homeroom.gateway.service import Service
from homeroom.gateway.state import open_database
from homeroom.hardware.machine import detect
from homeroom.models.library import Library
from homeroom.settings import Settings, prepare
from homeroom.version import __version__

LENT_FOR: Final = timedelta(hours=12)
GRACE_SECONDS: Final = 3
"""How long running answers may go on once the gateway has been asked to end."""


class Server:
    """A gateway that serves. ``base_url`` is where; ``wait`` returns when it has been asked to end."""

    def __init__(self, service: Service, base_url: str, ended: asyncio.Event) -> None:
        self.service = service
        self.base_url = base_url
        self._ended = ended

    async def wait(self) -> None:
        await self._ended.wait()


def open_port(host: str, port: int) -> socket.socket:
    """A listening socket. Raises PortTaken where another program has the port, RuntimeFailure where it may not be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only then; without it each answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # on Windows this option would let two programs share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken("gateway.port_taken", host=host, port=port, other=port + 1 if port < 65535 else 0) from None
        raise RuntimeFailure("gateway.port_refused", host=host, port=port, reason=error.strerror) from None
    return listener


@asynccontextmanager
async def serving(
    settings: Settings, listener: socket.socket, *, default_model: str = "", verbose: bool = False
) -> AsyncIterator[Server]:
    """Serve on *listener* until the block ends; then everything that was started is ended.

    SIGINT and SIGTERM ask ``Server.wait`` to return. The engines start when they are needed.
    """
    ended = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        prepare(settings.home)
        stack.enter_context(local.only_one(settings.home))
        stack.enter_context(_log_file(settings))
        database = open_database(settings.database)
        stack.callback(database.dispose)
        pool = EnginePool(
            machine=detect,
            ask=Ask.from_settings(settings),
            logs=settings.logs,
            idle=settings.idle_unload,
            wait=settings.engine_wait,
            verbose=verbose,
        )
        keys = KeyRing(database)
        service = Service(settings, Library(settings), pool, keys, __version__, ended.set, default_model)
        base_url = _base_url(listener)
        if hasattr(socket, "AF_UNIX"):
            door = await local.listen(settings.home, lambda: _describe(base_url, keys))
            stack.callback(local.socket_path(settings.home).unlink, missing_ok=True)
            stack.callback(door.close)
        # Taken down in the reverse order: engines first, so that what still streams ends with a clear error.
        await stack.enter_async_context(_uvicorn(service, settings, listener))
        stack.push_async_callback(pool.close)
        _listen(ended)
        yield Server(service, base_url, ended)


@asynccontextmanager
async def _uvicorn(service: Service, settings: Settings, listener: socket.socket) -> AsyncIterator[None]:
    """uvicorn on *listener*, answering from the first moment of the block to its end."""
    config = uvicorn.Config(
        Gateway(service),
        http=protocol_with_limit(settings.max_header),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Uvicorn(config)
    task = asyncio.ensure_future(server.serve(sockets=[listener]))
    ready = asyncio.ensure_future(server.ready.wait())
    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if task.done():
            task.result()
        yield
    finally:
        ready.cancel()
        server.should_exit = True
        await task


def _describe(base_url: str, keys: KeyRing) -> local.LocalGateway:
    until = datetime.now(UTC) + LENT_FOR
    key = keys.lend("local", frozenset({"inference", "admin"}), until)
    return local.LocalGateway(base_url=base_url, key=key, pid=os.getpid(), version=__version__)


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Uvicorn(uvicorn.Server):
    """uvicorn without its own signal handlers: the block around ``serving`` decides when it ends."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(ended: asyncio.Event) -> None:
    """SIGINT, SIGTERM and SIGHUP (the terminal was closed) set *ended*, until the loop is closed.

    Not only until the gateway has ended: a second Ctrl-C while it tidies up would tear that apart.
    """
    loop = asyncio.get_running_loop()
    wanted = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # Windows, or not the main thread: KeyboardInterrupt as usual.
    with suppress(NotImplementedError, RuntimeError, ValueError):
        for number in wanted:
            loop.add_signal_handler(number, ended.set)


class _Handler(logging.handlers.RotatingFileHandler):
    """A log that cannot be written (a full disk) is told once on standard error, not with a traceback for every request."""

    told = False

    def handleError(self, record: logging.LogRecord) -> None:
        if not self.told:
            self.told = True
            reason = sys.exc_info()[1]
            sys.stderr.write(text.t("gateway.no_log", path=self.baseFilename, reason=reason) + "\n")


@contextmanager
def _log_file(settings: Settings) -> Iterator[None]:
    """``logs/gateway.log``, 0600, at most 2 x 5 MB: methods, paths, key ids, times; never a key or a prompt."""
    settings.logs.mkdir(mode=0o700, exist_ok=True)
    path = settings.logs / "gateway.log"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    handler = _Handler(path, maxBytes=5_000_000, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("homeroom")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
