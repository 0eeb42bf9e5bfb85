"""How long the command line takes to start: whole processes, timed from outside.

    python bench/startup.py [--runs N] [--json]

``homeroom --help`` and ``homeroom list`` (one model in the store), each in turn with a bare ``python -c pass`` as the limit.
Target: ``homeroom --help`` under 200 ms. Then ``homeroom up`` with the model already here, from its start to the first answer:
target 5 s.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from common import Quiet, report, spread
from homeroom import settings
from homeroom.models.starter import pull_starter


def timed(command: list[str]) -> float:
    """Milliseconds of one run."""
    begun = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=os.environ)
    return (time.perf_counter() - begun) * 1000


def first_answer(homeroom: str) -> float:
    """Milliseconds from the start of ``homeroom up`` to the end of its first answer, eight tokens long."""
    begun = time.perf_counter()
    command = [homeroom, "up", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as up:
        assert up.stdout is not None
        ready = json.loads(up.stdout.readline())
        key = (
            ready["key"] or json.loads(subprocess.check_output([homeroom, "--json", "keys", "add", f"b{begun}"]))["key"]
        )
        body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
        request = urllib.request.Request(
            f"{ready['base_url']}/v1/chat/completions",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["choices"]
        spent = (time.perf_counter() - begun) * 1000
        up.send_signal(signal.SIGINT)
    return spent


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
    figures["homeroom up to its first answer"] = [first_answer(homeroom) for _ in range(max(3, options.runs // 3))]
    rows = {name: spread(values) for name, values in figures.items()}
    report(f"start-up, {options.runs} runs", rows, "ms", as_json=options.json)


if __name__ == "__main__":
    main()
