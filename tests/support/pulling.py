"""Planning and fetching as ``engine/pull`` does it, from loopback hubs, without any waiting."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from homeroom import settings
from homeroom.engine.pull import Puller
from homeroom.engine.pull.plan import PullPlan
from homeroom.errors import (
    HomeroomError,
)
from homeroom.models.http import Network
from support.hub_server import HubServer
from support.models import Quiet
from support.pulls import hubs_at

REPOSITORY = "bartowski/SmolLM2-135M-Instruct-GGUF"
NAMES = ("F16", "Q8_0", "Q6_K", "Q4_K_M", "Q3_K_M", "Q2_K")


async def no_wait(seconds: float) -> None:
    """Sleep that takes no time."""
    await asyncio.sleep(0)


def puller(hub: HubServer, home: Path, **flags: Any) -> Puller:
    environment = hubs_at(hub, home)
    network = Network(timeout=5, retries=1)
    return Puller(settings.load(flags, environment), network=network, environment=environment, sleep=no_wait)


async def plan(
    hub: HubServer, home: Path, model: str, /, flags: dict[str, Any] | None = None, **wants: Any
) -> PullPlan:
    return await puller(hub, home, **(flags or {})).plan(model, **wants)


async def pull(hub: HubServer, home: Path, model: str, /, **wants: Any) -> PullPlan:
    one = puller(hub, home)
    planned = await one.plan(model, **wants)
    await one.fetch(planned, progress=Quiet())
    return planned


async def refused(
    hub: HubServer, home: Path, model: str, kind: type[HomeroomError], key: str, **wants: Any
) -> HomeroomError:
    with pytest.raises(kind) as caught:
        await plan(hub, home, model, **wants)
    assert caught.value.key == key
    assert caught.value.next
    return caught.value


def keys(planned: PullPlan) -> list[str]:
    return [reason.key.removeprefix("pull.why.") for reason in planned.reasons]


def bodies(hub: HubServer) -> int:
    """Bytes of files that travelled."""
    return sum(one.sent for one in hub.requests("files"))
