"""Pools of real engines, closed after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from homeroom.engine.plan import Ask
from homeroom.engine.pool import EnginePool
from homeroom.hardware.machine import Machine, detect
from homeroom.models.facts import ModelFacts
from homeroom.models.inspect import inspect
from support.pools import PoolMaker


@pytest.fixture
def starter(starter_path: Path) -> ModelFacts:
    return inspect(starter_path, "starter")


@pytest.fixture
def gemma(gemma_path: Path) -> ModelFacts:
    return inspect(gemma_path, "gemma")


@pytest.fixture
async def make_pool(tmp_path: Path) -> AsyncIterator[PoolMaker]:
    made: list[EnginePool] = []

    def make(
        *, idle: float = 0, wait: float = 5, hung: float = 20, free: int | None = None, ask: Ask | None = None
    ) -> EnginePool:
        def machine() -> Machine:
            found = detect()
            return found if free is None else replace(found, memory_free=free)

        pool = EnginePool(
            machine=machine, ask=ask or Ask(context=1024), logs=tmp_path / "logs", idle=idle, wait=wait, hung=hung
        )
        made.append(pool)
        return pool

    yield make
    for pool in made:
        await pool.close()
