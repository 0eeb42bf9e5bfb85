from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from support.hub_server import HubServer


@pytest.fixture
async def hub() -> AsyncIterator[HubServer]:
    async with HubServer() as server:
        yield server
