"""How long it takes to say what fits: the formula, the whole catalogue, and the commands as a user starts them.

    python bench/fit_speed.py [--runs N] [--json]

Targets: one formula under 1 ms for the worst model; the whole catalogue x 12 quantizations x 6 contexts under 150 ms once the
catalogue is read; ``homeroom fit``, which ranks the whole catalogue, under 300 ms as a process, without the engine imported.
Exit 1 where one is missed. This machine's bandwidth is measured before, as it is for a user the first time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from common import report, spread
from homeroom import settings
from homeroom.fit.advise import Adviser
from homeroom.fit.ask import Ask
from homeroom.fit.memory import estimate
from homeroom.fit.verdict import grid
from homeroom.hardware.machine import Machine, detect
from homeroom.hardware.presets import what_if
from homeroom.models import catalogue, mix
from homeroom.models.facts import ModelFacts

CONTEXTS = (2048, 4096, 8192, 16_384, 32_768, 131_072)
FORMULA_MS, GRID_MS, COMMAND_MS = 1.0, 150.0, 300.0
COMMANDS = {
    "python -c pass (the limit)": None,
    "homeroom fit": ["fit"],
    "homeroom fit --chart": ["fit", "--chart"],
    "homeroom fit deepseek-r1:7b": ["fit", "deepseek-r1:7b", "--force"],
}
_WITHOUT_ENGINE = (
    "import sys; from homeroom.cli.app import run; run(sys.argv[1:]); "
    "sys.exit(any(name.startswith('xllamacpp') for name in sys.modules))"
)


def timed(work: Callable[[], object]) -> float:
    """Milliseconds of one run."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def formulas(runs: int) -> dict[str, float]:
    """Milliseconds of one estimate: over all models, each at its median."""
    each = []
    for entry in catalogue.entries():
        facts, spent = entry.summary(), list[float]()
        for context in CONTEXTS * runs:
            begun = time.perf_counter()
            estimate(facts, context=context, parallel=1, kv_type="q8_0")
            spent.append((time.perf_counter() - begun) * 1000)
        each.append(statistics.median(spent))
    return spread(each)


def whole_grid(machine: Machine) -> int:
    """Judge the whole catalogue; how many cells that were."""
    models: Iterable[dict[str, ModelFacts]] = (
        {name: entry.summary(name) for name in mix.GRID if name in entry.quantizations} for entry in catalogue.entries()
    )
    return len(grid(models, machine, Ask(), CONTEXTS))


def run(words: list[str] | None) -> None:
    program = str(Path(sys.executable).parent / "homeroom")
    command = [sys.executable, "-c", "pass"] if words is None else [program, *words]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=os.environ)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOMEROOM_HOME"] = home
        Adviser(settings.load())  # measures the bandwidth
        reading = timed(catalogue.entries)
        rows = {"reading the catalogue": spread([reading]), "one formula": formulas(options.runs)}
        machines = {
            "the processor": replace(detect(), devices=()),
            "a card": what_if(ram="64GB", vram="24GB", machine=None, base=None),
        }
        for name, machine in machines.items():
            cells = whole_grid(machine)
            times = [timed(partial(whole_grid, machine)) for _ in range(options.runs)]
            rows[f"{cells:,} cells on {name}"] = spread(times)
        figures: dict[str, list[float]] = {name: [] for name in COMMANDS}
        for number in range(options.runs + 1):
            for name, words in COMMANDS.items():
                spent = timed(partial(run, words))
                if number:  # the first one warms the disk cache
                    figures[name].append(spent)
        rows |= {name: spread(values) for name, values in figures.items()}
        engine = [
            subprocess.run([sys.executable, "-c", _WITHOUT_ENGINE, *words], stdout=subprocess.DEVNULL).returncode
            for words in COMMANDS.values()
            if words
        ]
    report(f"what fits, {options.runs} runs", rows, "ms", as_json=options.json)
    missed = [
        name
        for name, value, limit in (
            ("one formula", rows["one formula"]["max"], FORMULA_MS),
            *((name, row["median"], GRID_MS) for name, row in rows.items() if "cells on the processor" in name),
            *((name, rows[name]["median"], COMMAND_MS) for name, words in COMMANDS.items() if words),
        )
        if value > limit
    ]
    if any(engine):
        missed.append("the engine was imported")
    print("missed: " + ", ".join(missed) if missed else "every target met", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
