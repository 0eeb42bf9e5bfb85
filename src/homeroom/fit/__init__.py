"""A model on a machine: memory, place, speed and verdict. Called, it is the public door: ``homeroom.fit("deepseek-r1:7b")``."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Door(ModuleType):
    """This package as a function: its name in the public door is that of the floor."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from homeroom.fit.door import fit

        return fit(*arguments, **options)


sys.modules[__name__].__class__ = _Door
