"""Reading small files that anything may have happened to: what homeroom keeps between runs, what other programs keep.

Knows that a file can be damaged, huge or no file at all; does not know what is kept.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, Final

MOST: Final = 1 << 20
"""Bytes; what homeroom keeps is far smaller."""


def read_bytes(path: Path, most: int = MOST) -> bytes:
    """All of *path*, a regular file of at most *most* bytes.

    Raises OSError where it cannot be read (or is a pipe or a device, which are not waited for), ValueError where it is
    too large.
    """
    # A pipe would be waited for until somebody writes into it.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a regular file")
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path} is larger than {most} bytes")
    return content


def read_json(path: Path, most: int = MOST) -> Any:
    """The JSON value in *path*. Raises as ``read_bytes``, and ValueError where it is no JSON, too deeply nested or has
    numbers that JSON has not."""
    content = read_bytes(path, most)
    try:
        return json.loads(content, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(f"{path} is too deeply nested") from None


def whole(value: Any, most: int = (1 << 63) - 1) -> int:
    """*value* if it is a whole number from 0 to *most*. Raises ValueError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"not a whole number from 0 to {most}")
    return value


def number(value: Any, most: float) -> float:
    """*value* as a float if it is a number from 0 to *most*. Raises ValueError."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"not a number from 0 to {most:g}")
    return float(value)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
