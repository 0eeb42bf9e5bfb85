"""The first pieces of a real file on a server, for those who fetch it twice: over the ways that bytes can come."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeroom.models.download import transfer
from homeroom.models.download.rate import Swift
from support.pieces import SIZE, World
from support.range_server import RangeServer
from support.swift import AlwaysSwift


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def body(gemma_path: Path) -> bytes:
    with gemma_path.open("rb") as file:
        return file.read(SIZE)


@pytest.fixture(scope="module")
def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture
async def server(body: bytes) -> AsyncIterator[RangeServer]:
    async with RangeServer(body) as server:
        yield server


@pytest.fixture(params=[Swift, AlwaysSwift], ids=["measured", "straight"])
def swift(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it twice: connections as they are, and each answer straight to the disk over one connection."""
    monkeypatch.setattr(transfer, "Swift", request.param)


@pytest.fixture
def world(tmp_path: Path, body: bytes, digest: str) -> World:
    return World(tmp_path, body, digest)
