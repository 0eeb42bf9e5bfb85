"""Predicted against measured tokens/s on this machine, and what llmfit says of the same models.

    python bench/speed_accuracy.py [--quick] [--write] [--json]

Calibrates once (as ``homeroom bench --calibrate``), then runs models and compares: zero-weight files in the shapes of
DeepSeek-R1-Distill 1.5B, 7B, 8B and 14B at Q4_K_M, and the two real models of the tests, each after a short and a longer
prompt. Target: median error within 15 %, worst within 30 %. Takes up to eight minutes and 18 GB of free memory for the 14B
(left out where there is less). ``--write`` renews the table of docs/speed.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from common import llmfit
from common import machine as about
from homeroom import text
from homeroom.engine.calibrate import calibrate
from homeroom.engine.plan import Ask as PlanAsk
from homeroom.engine.plan import make_plan
from homeroom.engine.timing import measure
from homeroom.fit.ask import Ask
from homeroom.fit.calibration import Calibration
from homeroom.fit.placement import place
from homeroom.fit.speed import Range, predict
from homeroom.fit.verdict import estimate_for
from homeroom.hardware.machine import Machine, detect
from homeroom.models import blueprint, catalogue, gguf_write, mix
from homeroom.models.facts import ModelFacts
from homeroom.models.inspect import inspect
from support import models

ZERO: Final = (
    ("deepseek-r1:1.5b", (128, 2048), 32),
    ("deepseek-r1:7b", (64, 512), 12),
    ("deepseek-r1:8b", (64, 1024), 12),
    ("deepseek-r1:14b", (64, 384), 8),
)
"""Catalogue name, lengths of the prompts, tokens generated after each."""
LLMFIT: Final = {
    "deepseek-r1:1.5b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
    "deepseek-r1:7b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
    "deepseek-r1:8b": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
    "deepseek-r1:14b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B",
    "starter": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "gemma-3-270m": "google/gemma-3-270m",
}
PAGE: Final = Path(__file__).parents[1] / "docs" / "speed.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass(frozen=True)
class Row:
    """One comparison, tokens/s. ``llmfit`` has no figure for prompts."""

    model: str
    quantization: str
    what: str
    depth: int
    predicted: Range
    measured: float
    llmfit: float | None

    @property
    def error(self) -> float:
        return self.predicted.expected / self.measured - 1

    @property
    def inside(self) -> bool:
        return self.predicted.low <= self.measured <= self.predicted.high


def zero_weight(name: str, quantization: str, path: Path) -> Path:
    """The model *name* of the catalogue without weights and with a vocabulary that reads bytes."""
    entry = catalogue.find(name)
    assert entry is not None, name
    shapes = blueprint.tensors(entry.architecture, entry.metadata, tied=entry.tied, extras=entry.extras)
    types = mix.tensor_types(entry.architecture, entry.metadata, shapes, quantization)
    vocabulary = next(each.shape[1] for each in shapes if each.name == "token_embd.weight")
    metadata = {
        "general.architecture": entry.architecture,
        **blueprint.writable(entry.metadata),
        **gguf_write.with_vocabulary(vocabulary),
    }
    lines = [(each.name, each.shape, kind) for each, kind in zip(shapes, types, strict=True)]
    return gguf_write.write(metadata, lines, path)


async def compare(
    facts: ModelFacts,
    depths: tuple[int, ...],
    generate: int,
    machine: Machine,
    calibration: Calibration,
    logs: Path,
    peer: Path | None,
) -> list[Row]:
    plan = make_plan(facts, machine, PlanAsk(context=max(depths) + generate + 64, parallel=1))
    small = facts.parameters < 1e9
    found = await measure(facts, plan, logs, depths=depths, generate=generate, times=3 if small else 1)
    rows = []
    for each in found:
        ask = Ask(context=each.depth, batch=each.batch)
        placed = place(facts, machine, ask, estimate_for(facts, ask)).parts
        speed = predict(
            facts, placed, machine, context=each.depth, kv_type="f16", batch=each.batch, calibration=calibration
        )
        assert speed is not None
        assert speed.prefill is not None
        theirs = ask_llmfit(peer, facts, each.depth)
        rows += [
            Row(facts.name, facts.quantization, "decode", each.depth, speed.decode, each.decode[1], theirs),
            Row(facts.name, facts.quantization, "prefill", each.depth, speed.prefill, each.prefill[1], None),
        ]
    return rows


def ask_llmfit(program: Path | None, facts: ModelFacts, depth: int) -> float | None:
    """llmfit's tokens/s on this machine's processor for the same model, quantization and context."""
    if program is None or facts.name not in LLMFIT:
        return None
    words = ["--json", "plan", LLMFIT[facts.name], "--context", str(depth), "--quant", facts.quantization]
    done = subprocess.run([str(program), *words], capture_output=True, text=True, timeout=60, check=False)
    try:
        paths = json.loads(done.stdout)["run_paths"]
    except (ValueError, KeyError):
        return None
    return next((path["estimated_tps"] for path in paths if path["path"] == "cpu_only"), None)


async def run(options: argparse.Namespace, starter: Path, gemma: Path) -> tuple[Calibration, list[Row]]:
    machine = detect()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="homeroom-bench-") as name:
        folder = Path(name)
        peer = None if options.quick else llmfit(folder / "llmfit")
        calibration = await calibrate(machine, folder, now=datetime.now(UTC).isoformat(timespec="seconds"))
        jobs = [
            (inspect(starter, "starter"), (128, 1024), 32),
            (inspect(gemma, "gemma-3-270m"), (128, 1024), 32),
        ]
        for model, depths, generate in ZERO[:1] if options.quick else ZERO:
            jobs.append((inspect(zero_weight(model, "Q4_K_M", folder / f"{len(jobs)}.gguf"), model), depths, generate))
        for facts, depths, generate in jobs:
            if 2 * facts.tensor_bytes > detect().memory_free:  # the file's pages and the engine's repacked copy
                print(f"{facts.name}: left out, {text.size(detect().memory_free)} are free", file=sys.stderr)
                continue
            began = time.monotonic()
            rows += await compare(facts, depths, generate, machine, calibration, folder, peer)
            print(f"{facts.name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return calibration, rows


def table(rows: list[Row]) -> str:
    lines = [
        "| model | quantization | what | tokens before | predicted tokens/s | measured | error | llmfit | its error |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        span = f"{row.predicted.expected:.1f} ({row.predicted.low:.1f} to {row.predicted.high:.1f})"
        theirs = ("-", "-") if row.llmfit is None else (f"{row.llmfit:.1f}", f"{row.llmfit / row.measured - 1:+.0%}")
        lines.append(
            f"| {row.model} | {row.quantization} | {row.what} | {row.depth:,} | {span} | {row.measured:.1f} "
            f"| {row.error:+.0%} | {theirs[0]} | {theirs[1]} |"
        )
    return "\n".join(lines)


def summary(rows: list[Row]) -> dict[str, Any]:
    ours = [abs(row.error) for row in rows]
    theirs = [abs(row.llmfit / row.measured - 1) for row in rows if row.llmfit is not None]
    return {
        "comparisons": len(rows),
        "median_error": statistics.median(ours),
        "worst_error": max(ours),
        "inside_range": sum(row.inside for row in rows) / len(rows),
        "llmfit_median_error": statistics.median(theirs) if theirs else None,
        "llmfit_worst_error": max(theirs) if theirs else None,
    }


def words(calibration: Calibration, found: dict[str, Any]) -> str:
    machine = about()
    theirs = found["llmfit_median_error"]
    beside = (
        f" llmfit (decode only): median {theirs:.0%}, worst {found['llmfit_worst_error']:.0%}."
        if theirs is not None
        else ""
    )
    return (
        f"{found['comparisons']} comparisons on {machine['processor']}, {machine['cores']} cores, engine "
        f"{calibration.engine}, {calibration.date[:10]}: median error {found['median_error']:.0%}, worst "
        f"{found['worst_error']:.0%}, {found['inside_range']:.0%} within the predicted range.{beside}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the two real models and the 1.5B shape only")
    parser.add_argument("--write", action="store_true", help="renew docs/speed.md")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    calibration, rows = asyncio.run(run(options, models.starter(), models.gemma()))
    found = summary(rows)
    if options.json:
        plain = [
            {**vars(row), "predicted": row.predicted.row(), "error": row.error, "inside": row.inside} for row in rows
        ]
        print(json.dumps({"machine": about(), "summary": found, "rows": plain}))
    else:
        print(f"{table(rows)}\n\n{words(calibration, found)}")
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        _, after = rest.split(END)
        PAGE.write_text(
            f"{before}{BEGIN}\n{words(calibration, found)}\n\n{table(rows)}\n{END}{after}", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
