"""What the benchmarks share: medians, ratios, a table with the machine it was measured on, and a peer to stand beside."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from homeroom.hardware.machine import detect

LLMFIT: Final = "llmfit==1.1.17"


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


def llmfit(folder: Path) -> Path | None:
    """llmfit's program in an environment of its own; None where it cannot be installed."""
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True, timeout=120)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", LLMFIT]
        subprocess.run(pip, check=True, capture_output=True, timeout=120)
    except (subprocess.SubprocessError, OSError):
        return None
    program = folder / "bin" / "llmfit"
    return program if program.exists() else None
