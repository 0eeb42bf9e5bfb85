"""Asking the hubs on loopback as the program does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from homeroom.errors import HomeroomError
from homeroom.models.catalogue import Entry
from homeroom.models.http import Client, Network
from homeroom.models.hub_names import Endpoints, parse
from homeroom.models.hubs import Found, find
from homeroom.models.offers import Offers, offers
from homeroom.models.remote import Traffic
from support.hub_server import HubServer


async def no_wait(seconds: float) -> None:
    """Sleep that takes no time."""


def ends(hub: HubServer, token: str | None = None, ms_token: str | None = None) -> Endpoints:
    """*hub* in place of all three."""
    return Endpoints(hub.url, hub.url, hub.url, token, ms_token)


async def look(hub: HubServer, model: str, *, token: str | None = None, traffic: Traffic | None = None) -> Found:
    """What *model* means."""
    reference = parse(model)
    assert reference is not None
    async with Client(Network(timeout=5)) as client:
        return await find(client, reference, ends(hub, token, token), traffic=traffic, sleep=no_wait)


async def had(
    hub: HubServer,
    model: str | Entry,
    *,
    order: Sequence[str] = ("hf", "ms", "ollama"),
    servers: Endpoints | None = None,
    **options: Any,
) -> Offers:
    """What can be had of *model*."""
    asked = parse(model) if isinstance(model, str) else model
    assert asked is not None
    async with Client(Network(timeout=5)) as client:
        return await offers(client, asked, servers or ends(hub), order=order, sleep=no_wait, **options)


async def refused(hub: HubServer, model: str, key: str, kind: type[HomeroomError]) -> HomeroomError:
    """The error of *model*, which is told with message *key* and says what to type next."""
    with pytest.raises(kind) as caught:
        await look(hub, model)
    assert caught.value.key == key
    assert caught.value.next
    return caught.value


def names(found: Found) -> list[str]:
    return [file.name for file in found.files]
