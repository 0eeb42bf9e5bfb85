"""Where the running gateway of a home is: a Unix socket in the home (0700), which tells the address and lends a key.

Only processes of the same user can open it. Knows the socket's place and its one-line answer; does not know HTTP.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from homeroom.errors import RuntimeFailure

PATH_LIMIT: Final = 100
"""Bytes of a Unix socket's path: 108 on Linux, 104 on macOS."""


@dataclass(frozen=True, slots=True)
class LocalGateway:
    """A running gateway as its home's socket describes it. ``key`` may administer, and ends with the gateway."""

    base_url: str
    key: str
    pid: int
    version: str


def socket_path(home: Path) -> Path:
    """The socket's path; a home whose path is too long for one has it in a folder of the user's own instead."""
    path = home / "gateway.sock"
    if len(os.fsencode(path)) <= PATH_LIMIT:
        return path
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"homeroom-{os.getuid()}" / f"{name}.sock"


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold *home* for one gateway; the lock dies with its process. Raises RuntimeFailure where another holds it."""
    if sys.platform == "win32":  # no local socket there either, so nothing that two could take from each other
        yield
        return
    import fcntl

    with (home / "gateway.lock").open("a", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeFailure("local.held", home=home) from None
        yield


async def find_gateway(home: Path) -> LocalGateway | None:
    """The gateway that serves *home* now, or None. A socket file that a killed gateway left counts as none."""
    if not hasattr(asyncio, "open_unix_connection"):  # Windows has no such socket; commands start engines of their own
        return None
    try:
        reader, writer = await asyncio.open_unix_connection(socket_path(home))
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    try:
        line = await asyncio.wait_for(reader.readline(), timeout=5)
    except (TimeoutError, ConnectionResetError):
        return None
    finally:
        writer.close()
    return LocalGateway(**json.loads(line)) if line else None


async def listen(home: Path, describe: Callable[[], LocalGateway]) -> asyncio.Server:
    """Serve the socket of *home*: each connection gets one line, a fresh LocalGateway, and is closed."""
    path = socket_path(home)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_uid != os.getuid():
        raise PermissionError(f"{path.parent} belongs to another user")
    path.unlink(missing_ok=True)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(asdict(describe())).encode() + b"\n")
        writer.close()
        await writer.wait_closed()

    previous = os.umask(0o177)  # 0600 from the first moment
    try:
        return await asyncio.start_unix_server(answer, path)
    finally:
        os.umask(previous)
