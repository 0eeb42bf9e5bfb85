"""Reads values out of a ``config.json`` that anyone may have written: types checked, numbers and lists bounded.

Knows no model; does not know what a value means (``families``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from homeroom.errors import BadModelFile

MAX_WHOLE: Final = (1 << 32) - 1
MAX_ITEMS: Final = 4096
MAX_TEXT: Final = 256


class Config:
    """One JSON object. Every method takes the spellings of one value, the first that is there counts; null is absent.

    Raises BadModelFile where a value has another type, or is larger than any model needs.
    """

    def __init__(self, values: Mapping[str, Any], path: object) -> None:
        self.values = values
        self.path = path

    def fail(self, message: str, /, **facts: object) -> NoReturn:
        raise BadModelFile(f"catalogue.{message}", path=self.path, **facts)

    def _wrong(self, name: str, expected: str, value: object) -> NoReturn:
        self.fail("wrong_kind", key=name, expected=expected, found=f"{type(value).__name__} {str(value)[:40]!r}")

    def find(self, *names: str) -> tuple[str, Any]:
        """The first of *names* that has a value, and the value; the first name and None where none has."""
        for name in names:
            if (value := self.values.get(name)) is not None:
                return name, value
        return names[0], None

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def whole(self, *names: str, default: int | None = None) -> int:
        """A whole number of 0 or more; without *default* it must be there."""
        value = self.maybe_whole(*names)
        if value is not None:
            return value
        if default is None:
            self.fail("missing_key", key=" | ".join(names))
        return default

    def maybe_whole(self, *names: str) -> int | None:
        name, value = self.find(*names)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_WHOLE:
            self._wrong(name, "0, 1, 2, ...", value)
        return value

    def number(self, *names: str, default: float | None = None) -> float:
        value = self.maybe_number(*names)
        if value is not None:
            return value
        if default is None:
            self.fail("missing_key", key=" | ".join(names))
        return default

    def maybe_number(self, *names: str) -> float | None:
        name, value = self.find(*names)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e30:  # NaN too
            self._wrong(name, "0.5, 1, ...", value)
        return float(value)

    def text(self, *names: str) -> str | None:
        name, value = self.find(*names)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            self._wrong(name, "text", value)
        return value

    def flag(self, *names: str, default: bool = False) -> bool:
        name, value = self.find(*names)
        if value is None:
            return default
        if not isinstance(value, bool):
            self._wrong(name, "true | false", value)
        return value

    def part(self, *names: str) -> Config:
        """The object of that name; an empty one where there is none."""
        name, value = self.find(*names)
        if value is None:
            return Config({}, self.path)
        if not isinstance(value, Mapping):
            self._wrong(name, "{...}", value)
        return Config(value, self.path)

    def _items(self, *names: str) -> tuple[str, list[Any] | None]:
        name, value = self.find(*names)
        if value is None:
            return name, None
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            self._wrong(name, f"[...] (<= {MAX_ITEMS})", value)
        return name, value

    def wholes(self, *names: str) -> tuple[int, ...] | None:
        name, items = self._items(*names)
        for item in items or ():
            if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item <= MAX_WHOLE:
                self._wrong(name, "[0, 1, 2, ...]", item)
        return None if items is None else tuple(items)

    def numbers(self, *names: str) -> tuple[float, ...] | None:
        name, items = self._items(*names)
        for item in items or ():
            if isinstance(item, bool) or not isinstance(item, int | float) or not math.isfinite(item):
                self._wrong(name, "[0.5, 1, ...]", item)
        return None if items is None else tuple(map(float, items))

    def texts(self, *names: str) -> tuple[str, ...] | None:
        name, items = self._items(*names)
        for item in items or ():
            if not isinstance(item, str) or len(item) > MAX_TEXT:
                self._wrong(name, '["...", ...]', item)
        return None if items is None else tuple(items)
