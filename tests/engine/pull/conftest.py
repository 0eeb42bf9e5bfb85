"""A hub with the starter in seven quantizations, and an empty home."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.hub_server import HubServer
from support.pulling import NAMES, REPOSITORY
from support.pulls import known_home
from support.quantizations import in_quantization


@pytest.fixture
async def hub() -> AsyncIterator[HubServer]:
    async with HubServer() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return known_home(tmp_path / "home")


@pytest.fixture(scope="session")
def sparse(starter_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The starter in quantizations of which only header and size are real."""
    folder = tmp_path_factory.mktemp("sparse")
    return {name: in_quantization(starter_path, name, folder / f"{name}.gguf") for name in NAMES}


@pytest.fixture
def offered(hub: HubServer, sparse: dict[str, Path], starter_path: Path) -> HubServer:
    """The starter's repository with seven quantizations, of which Q4_1 has its weights."""
    for name, path in sparse.items():
        hub.publish(REPOSITORY, f"SmolLM2-135M-Instruct-{name}.gguf", path)
    hub.publish(REPOSITORY, "SmolLM2-135M-Instruct-Q4_1.gguf", starter_path)
    return hub


@pytest.fixture(scope="session")
def shards(starter_path: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The starter as two sparse shards."""
    from homeroom.models.gguf import read_header
    from homeroom.models.gguf_write import for_sizing, write

    folder, header = tmp_path_factory.mktemp("shards"), read_header(starter_path)
    lines = [(line.name, line.shape, line.type) for line in header.tensors]
    halves, made = (lines[:100], lines[100:]), []
    for number, half in enumerate(halves):
        metadata = for_sizing(header.metadata, header.tensors) if number == 0 else {}
        told = {"split.no": number, "split.count": 2, "split.tensors.count": len(lines)}
        made.append(write(metadata | told, half, folder / f"m-Q4_1-{number + 1:05d}-of-00002.gguf"))
    return made
