"""One field of a request at a time: its type and range, or a clear refusal that names it.

The engine takes some wrong values in silence (a string for ``logit_bias``, 2^40 for ``max_tokens``, which it reads as 1), so
they are refused before it sees them. Knows values; does not know which dialect they came from.
"""

from __future__ import annotations

import math
from typing import Any, Final

from homeroom.errors import BadRequest

INT_MAX: Final = 2**31 - 1
_RANDOM_SEED: Final = 2**32 - 1
"""What the engine takes for "choose one"."""


def wrong(field: str, expected: str) -> BadRequest:
    """The error to raise: *field* must be *expected*."""
    return BadRequest("engine.bad_field", param=field, field=field, expected=expected)


def number(field: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number within *low*..*high*."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high or math.isinf(value):
        raise wrong(field, f"a number{_range(low, high)}")
    return value


def integer(field: str, value: Any, low: int = -INT_MAX, high: int = INT_MAX) -> int:
    """A whole number within *low*..*high*; ``5.0`` is one."""
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not low <= value <= high:
        raise wrong(field, f"a whole number{_range(low, high)}")
    return int(value)


def boolean(field: str, value: Any) -> bool:
    """``true`` or ``false``; null is false."""
    if value is not None and not isinstance(value, bool):
        raise wrong(field, "true | false")
    return bool(value)


def text(field: str, value: Any) -> str:
    """A text; null is the empty one."""
    if value is not None and not isinstance(value, str):
        raise wrong(field, "text")
    return value or ""


def texts(field: str, value: Any) -> list[str]:
    """One text or a list of texts, none of them empty; null is none."""
    found = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(item, str) and item for item in found):
        raise wrong(field, "text | [text, ...]")
    return found


def seed(field: str, value: Any) -> int | None:
    """The engine's seed for *value*, the same for the same value; None where a random one is asked for (below 0)."""
    given = integer(field, value, -(2**63), 2**64)
    # The engine keeps 32 bits, of which one value means random.
    return None if given < 0 else given % _RANDOM_SEED


def _range(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(high) or high == INT_MAX:
        return f", {low} or more"
    return f", {low}..{high}"
