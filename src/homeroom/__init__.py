"""homeroom: is a local model worth it? This is the only public door.

Nothing heavy is imported until it is used, so that ``homeroom --help`` starts at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from homeroom.version import __version__

if TYPE_CHECKING:
    from homeroom.engine.door import AsyncModel, Message, Model, open, open_async
    from homeroom.engine.replies import Piece, Reply, ToolCall, Usage
    from homeroom.errors import HomeroomError
    from homeroom.fit.advise import Advice
    from homeroom.fit.door import fit
    from homeroom.models.facts import ModelFacts
    from homeroom.models.inspect import inspect

_HOMES = {
    "Advice": "fit.advise",
    "AsyncModel": "engine.door",
    "HomeroomError": "errors",
    "Message": "engine.door",
    "Model": "engine.door",
    "ModelFacts": "models.facts",
    "Piece": "engine.replies",
    "Reply": "engine.replies",
    "ToolCall": "engine.replies",
    "Usage": "engine.replies",
    "inspect": "models.inspect",
    "open": "engine.door",
    "open_async": "engine.door",
}

__all__ = [
    "Advice",
    "AsyncModel",
    "HomeroomError",
    "Message",
    "Model",
    "ModelFacts",
    "Piece",
    "Reply",
    "ToolCall",
    "Usage",
    "__version__",
    "fit",
    "inspect",
    "open",
    "open_async",
]


def __getattr__(name: str) -> Any:
    if name == "fit":  # the floor's own name: its package can be called
        return importlib.import_module("homeroom.fit")
    if name not in _HOMES:
        raise AttributeError(f"module 'homeroom' has no attribute {name!r}")
    return getattr(importlib.import_module(f"homeroom.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
