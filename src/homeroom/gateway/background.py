"""Starting a gateway that outlives the command that starts it, and telling why it would not.

Knows processes, the log that such a gateway writes to, and the local socket; does not know routes.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from homeroom.engine.local import LocalGateway, find_gateway
from homeroom.errors import NotSupported, RuntimeFailure
from homeroom.gateway.server import open_port
from homeroom.settings import Settings, prepare

START_SECONDS: Final = 30.0


def log_path(settings: Settings) -> Path:
    """Where a gateway in the background writes what it would have told a person."""
    return settings.logs / "serve.log"


async def start(settings: Settings, flags: Sequence[str], *, verbose: bool = False) -> LocalGateway:
    """Start ``homeroom serve`` with *flags* in a session of its own, and wait until it answers.

    Raises PortTaken and RuntimeFailure; whatever kept it from starting, no process is left.
    """
    if sys.platform == "win32":
        raise NotSupported("background.windows")
    if settings.port:
        open_port(settings.host, settings.port).close()  # told here, in this command's own words
    process = _spawn(["-v"] if verbose else [], flags, log_path(settings))
    return await _answering(process, settings, log_path(settings))


def _spawn(common: Sequence[str], flags: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    # Not asyncio's own: its transport kills the process when the loop of this command ends.
    prepare(log.parent.parent)
    log.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "homeroom", *common, "serve", *flags],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )


async def _answering(process: subprocess.Popen[bytes], settings: Settings, log: Path) -> LocalGateway:
    """The gateway, once it answers. A process that does not is ended, also when this wait is cancelled."""
    try:
        async with asyncio.timeout(START_SECONDS):
            while process.poll() is None:
                found = await find_gateway(settings.home)
                if found is not None and found.pid == process.pid:
                    return found
                await asyncio.sleep(0.05)
    except BaseException as error:
        process.kill()
        process.wait()
        if isinstance(error, TimeoutError):
            raise RuntimeFailure("background.silent", seconds=round(START_SECONDS), log=log) from None
        raise
    raise RuntimeFailure("background.ended", reason=_last_words(log), log=log)


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return " ".join(lines[-2:]).rstrip(".。") or "-"
