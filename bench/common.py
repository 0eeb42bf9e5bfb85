"""What the benchmarks share: medians, ratios, and a table with the machine it was measured on."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from homeroom.hardware.machine import detect


def spread(values: Sequence[float]) -> dict[str, float]:
    """Minimum, median and maximum."""
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def machine() -> dict[str, Any]:
    """The machine that these figures are of."""
    found = detect()
    return {"processor": found.processor, "cores": found.cores, "system": found.system}


def report(title: str, rows: Mapping[str, Mapping[str, float]], unit: str, *, as_json: bool) -> None:
    """Print *rows* of min/median/max; with *as_json* one JSON object a table."""
    if as_json:
        print(json.dumps({"title": title, "unit": unit, "machine": machine(), "rows": rows}))
        return
    about = ", ".join(filter(None, (unit, f"{machine()['processor']}", f"{machine()['cores']} cores")))
    print(f"\n{title} ({about})")
    print(f"  {'':34}{'min':>10}{'median':>10}{'max':>10}")
    for name, row in rows.items():
        print(f"  {name:34}{row['min']:10.2f}{row['median']:10.2f}{row['max']:10.2f}")
    sys.stdout.flush()


class Quiet:
    """A progress that nobody watches."""

    def begin(self, label: str, total_bytes: int | None) -> None: ...
    def advance(self, count: int) -> None: ...
    def done(self) -> None: ...
