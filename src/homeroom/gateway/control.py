"""Asking the running gateway of this home: what runs, unload a model, end it.

The other side of ``admin.py``, for commands of the same user. Knows the local socket and the administration's routes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from homeroom.engine.client import EngineClient
from homeroom.engine.local import LocalGateway, find_gateway
from homeroom.errors import EngineDied, GatewayNotRunning, RuntimeFailure

POLL_SECONDS: Final = 0.2
END_SECONDS: Final = 15.0
"""How long a gateway may take to end: running answers have 3 seconds, and each engine one."""


@asynccontextmanager
async def connected(gateway: LocalGateway) -> AsyncIterator[EngineClient]:
    """A client for the routes of *gateway*, with the right to administer."""
    async with EngineClient(gateway.base_url, gateway.key, name="homeroom") as client:
        try:
            yield client
        except EngineDied:
            raise GatewayNotRunning("control.gone", url=gateway.base_url) from None


async def running_gateway(home: Path) -> LocalGateway:
    """The gateway that serves *home*. Raises GatewayNotRunning."""
    found = await find_gateway(home)
    if found is None:
        raise GatewayNotRunning("control.none", home=home)
    return found


async def status(gateway: LocalGateway) -> dict[str, Any]:
    """``GET /homeroom/status`` of *gateway*."""
    async with connected(gateway) as client:
        answer: dict[str, Any] = await client.get("/homeroom/status")
        return answer


async def unload(gateway: LocalGateway, model: str) -> int:
    """Unload *model*, a name as the library has it. Returns how many engines it had."""
    async with connected(gateway) as client:
        answer = await client.post("/homeroom/stop", {"model": model})
        return int(answer["engines"])


async def end(gateway: LocalGateway, home: Path) -> None:
    """End *gateway* and wait until it has gone. Raises RuntimeFailure where it has not after ``END_SECONDS``."""
    async with connected(gateway) as client:
        await client.post("/homeroom/stop", {"all": True})
    await _until_gone(gateway, home)


async def _until_gone(gateway: LocalGateway, home: Path) -> None:
    import psutil

    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline:
        if not psutil.pid_exists(gateway.pid) and await find_gateway(home) is None:
            return
        await asyncio.sleep(0.05)
    raise RuntimeFailure("control.stays", pid=gateway.pid, seconds=round(END_SECONDS))


async def watch_loading(gateway: LocalGateway, model: str, tell: Callable[[float], None]) -> None:
    """Tell the part of *model* that *gateway* has loaded, 0..1, while it loads. Ends only when cancelled."""
    async with connected(gateway) as client:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            answer = await client.get("/homeroom/status")
            for engine in answer["engines"]:
                if engine["model"] == model and engine["state"] == "loading":
                    tell(float(engine["loaded"]))
