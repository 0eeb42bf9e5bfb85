"""One field of a request at a time: its type and range, or a clear refusal that names it.

The engine takes some wrong values in silence (a string for ``logit_bias``, 2^40 for ``max_tokens``, which it reads as 1), so
they are refused before it sees them. Knows values; does not know which dialect they came from.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

from homeroom.errors import BadRequest

INT_MAX: Final = 2**31 - 1
_NUMBER_MAX: Final = 1e38
"""The engine computes with floats of 32 bits."""
SCHEMA_BYTES: Final = 200_000
SCHEMA_CHOICES: Final = 2_000
GRAMMAR_BYTES: Final = 20_000
DEEPEST: Final = 64
"""What the engine's grammars can carry: 20,000 choices took minutes for one token, 100,000 brackets ended the process."""
_RANDOM_SEED: Final = 2**32 - 1
"""What the engine takes for "choose one"."""


def wrong(field: str, expected: str) -> BadRequest:
    """The error to raise: *field* must be *expected*."""
    return BadRequest("engine.bad_field", param=field, field=field, expected=expected)


def number(field: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number within *low*..*high*."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    # A whole number of hundreds of digits is in no float.
    if not plain or not abs(value) <= _NUMBER_MAX or not low <= value <= high:
        raise wrong(field, f"a number{_range(low, high)}")
    return value  # type: ignore[no-any-return]


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


def schema(field: str, value: Any) -> dict[str, Any]:
    """A JSON schema of a size and depth that the engine can hold an answer to."""
    if not isinstance(value, dict):
        raise wrong(field, "a JSON schema")
    if _depth(value) > DEEPEST or _choices(value) > SCHEMA_CHOICES or len(json.dumps(value)) > SCHEMA_BYTES:
        bounds = f"{SCHEMA_BYTES} bytes, {SCHEMA_CHOICES} choices and {DEEPEST} levels"
        raise wrong(field, f"a JSON schema of at most {bounds}")
    return value


def grammar(field: str, value: Any) -> str:
    """A grammar in the engine's own notation, of a size and depth that it can carry."""
    given = text(field, value)
    depth = deepest = 0
    for letter in given:
        depth += (letter in "([{") - (letter in ")]}")
        deepest = max(deepest, depth)
    if len(given) > GRAMMAR_BYTES or deepest > DEEPEST:
        raise wrong(field, f"a grammar of at most {GRAMMAR_BYTES} letters and {DEEPEST} levels")
    return given


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level and depth <= DEEPEST:
        depth += 1
        level = [inner for item in level for inner in _inside(item)]
    return depth


def _inside(item: Any) -> list[Any]:
    return list(item.values()) if isinstance(item, dict) else item if isinstance(item, list) else []


def _choices(value: Any) -> int:
    """Alternatives in all of *value*: the entries of every ``enum``, ``anyOf`` and ``oneOf``."""
    found, rest = 0, [value]
    while rest:
        item = rest.pop()
        if isinstance(item, dict):
            found += sum(len(item[name]) for name in ("enum", "anyOf", "oneOf") if isinstance(item.get(name), list))
        rest += _inside(item)
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
