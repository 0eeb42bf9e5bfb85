"""The type of the fixture that makes pools of real engines."""

from __future__ import annotations

from collections.abc import Callable

from homeroom.engine.pool import EnginePool

PoolMaker = Callable[..., EnginePool]
