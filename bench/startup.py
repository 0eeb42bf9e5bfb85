"""How long the command line takes to start: whole processes, timed from outside.

    python bench/startup.py [--runs N] [--json]

``homeroom --help`` and ``homeroom list`` (one model in the store), each in turn with a bare ``python -c pass`` as the limit.
Target: ``homeroom --help`` under 200 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from common import Quiet, report, spread
from homeroom import settings
from homeroom.models.starter import pull_starter


def timed(command: list[str]) -> float:
    """Milliseconds of one run."""
    begun = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=os.environ)
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    asyncio.run(pull_starter(settings.load(), progress=Quiet()))
    homeroom = str(Path(sys.executable).parent / "homeroom")
    commands = {
        "python -c pass (the limit)": [sys.executable, "-c", "pass"],
        "homeroom --help": [homeroom, "--help"],
        "homeroom list": [homeroom, "list"],
    }
    figures: dict[str, list[float]] = {name: [] for name in commands}
    for run in range(options.runs + 1):
        for name, command in commands.items():
            spent = timed(command)
            if run:  # the first one warms the disk cache
                figures[name].append(spent)
    rows = {name: spread(values) for name, values in figures.items()}
    report(f"start-up, {options.runs} runs", rows, "ms", as_json=options.json)


if __name__ == "__main__":
    main()
