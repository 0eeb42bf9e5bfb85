"""How exact the memory formula is: held against the engine's own figures, and against two real models in use.

    python bench/fit_accuracy.py [--quick] [--json] [--write]

Every model below is sized by the engine from a header alone (Q4_K_M, no weights) at 1k, 8k, 32k and 128k tokens, with the KV
cache in f16, q8_0 and q4_0, for 1 and 4 requests at once; without flash attention at 1k and 8k. Bounds: totals within 1 %,
caches within 0.5 %, compute buffers within 15 %. Then every shape of the catalogue once; then two real models, loaded and
used. Beside it llmfit (from the package index, in an environment of its own) at 8k and 128k. ``--write`` puts the table
into docs/accuracy.md. Exits 1 where a bound is broken.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))  # where the real models come from

from common import LLMFIT, llmfit, machine
from homeroom.errors import HomeroomError
from homeroom.fit.dry_run import Question, Sized, dry_run
from homeroom.fit.memory import Memory, estimate
from homeroom.models import catalogue
from homeroom.models.facts import ModelFacts
from homeroom.models.gguf import Header
from homeroom.models.inspect import facts_from, inspect
from homeroom.models.safetensors import header
from homeroom.version import engine_version
from support import models

MIB: Final = 1 << 20
TOTAL, CACHE, COMPUTE = 0.01, 0.005, 0.15
ROUNDING: Final = 0.04 * MIB
"""The engine's log has two decimals, for each of up to three caches."""
PAGE: Final = Path(__file__).parent.parent / "docs" / "accuracy.md"
BEGIN, END = "<!-- table -->", "<!-- end -->"

COVERED: Final = {
    "deepseek-r1:1.5b": "grouped heads",
    "deepseek-r1:7b": "grouped heads",
    "deepseek-r1:8b-llama-distill": "grouped heads",
    "deepseek-r1:14b": "grouped heads",
    "deepseek-r1:32b": "grouped heads",
    "deepseek-r1:70b": "grouped heads",
    "deepseek-r1:671b": "latent attention",
    "deepseek-r1:671b, old layout": "latent attention unfolded",
    "llama3.2:1b": "tied embedding",
    "gemma:2b": "one KV head",
    "command-r:35b-v0.1": "a KV head a head",
    "gemma2:9b": "every other layer slides",
    "gemma3:4b": "5 of 6 layers slide",
    "gemma3:27b": "5 of 6 layers slide",
    "gemma3n:e4b": "layers that share a cache",
    "gemma4:e4b": "sliding layers with other heads, shared cache",
    "gpt-oss:20b": "every other layer slides, experts",
    "llama4:16x17b": "chunked attention, one expert",
    "mixtral:8x7b": "experts",
    "qwen3:30b": "experts",
    "glm-4.5-air:106b": "dense first, shared expert, predicting layer",
    "deepseek-v2:16b": "latent attention, shared experts",
    "deepseek-v3.2:671b": "indexer with its own cache",
    "qwen3-next:80b": "gated delta nets",
    "qwen3.5:9b": "gated delta nets, predicting layer",
    "granite4:small-h": "Mamba-2, heads a layer",
    "lfm2:1.2b": "short convolutions, heads a layer",
    "falcon-h1:7b": "attends and recurs at once",
    "nemotron-nano-v2:9b": "Mamba-2, heads a layer",
    "mamba:2.8b": "Mamba",
    "phi4-mini:3.8b": "gate and up in one",
    "qwen3-vl:8b": "pictures' features in the input",
}
"""Names of the catalogue, and what each is there for."""


@dataclass(frozen=True)
class Subject:
    name: str
    about: str
    repository: str
    headers: tuple[Header, ...]
    facts: ModelFacts


@dataclass(frozen=True)
class Compared:
    """One question: the formula's and the engine's bytes. Errors are relative to the engine's."""

    question: Question
    ours: Memory
    engine: Sized

    @property
    def total(self) -> float:
        return (self.ours.weights + self.ours.kv_cache + self.ours.compute) / self.engine.total - 1

    @property
    def cache(self) -> float:
        off = self.ours.kv_cache - self.engine.kv_cache
        return 0.0 if abs(off) <= ROUNDING else off / max(1, self.engine.kv_cache)

    @property
    def compute(self) -> float:
        return self.ours.compute / self.engine.compute - 1

    @property
    def broken(self) -> bool:
        return abs(self.total) > TOTAL or abs(self.cache) > CACHE or abs(self.compute) > COMPUTE


def subjects() -> Iterator[Subject]:
    for name, about in COVERED.items():
        plain = name.removesuffix(", old layout")
        entry = catalogue.find(plain)
        if entry is None:
            sys.exit(f"the catalogue has no {plain}")
        headers = entry.headers() if name == plain else (unfolded(entry),)
        yield Subject(name, about, entry.repository, headers, facts_from(headers, (name,), name=name))


def unfolded(entry: catalogue.Entry) -> Header:
    """DeepSeek's header as it was written before llama.cpp knew latent attention: keys and values of every head."""
    converted = entry.converted()
    own = f"{entry.architecture}.attention."
    metadata = dict(converted.metadata)
    metadata[f"{own}head_count_kv"] = metadata[f"{own}head_count"]
    metadata[f"{own}key_length"] = metadata.pop(f"{own}key_length_mla")
    metadata[f"{own}value_length"] = metadata.pop(f"{own}value_length_mla")
    return header(replace(converted, metadata=metadata), entry.default_quantization, name=entry.name)


def questions(quick: bool) -> list[Question]:
    contexts = (8192,) if quick else (1024, 8192, 32_768, 131_072)
    asked = [
        Question(context, parallel, kind)
        for context in contexts
        for kind in ("f16", "q8_0", "q4_0")
        for parallel in (1, 4)
    ]
    off = [Question(context, parallel, flash_attention="disabled") for context in contexts[:2] for parallel in (1, 4)]
    return asked + off


def compare(subject: Subject, question: Question) -> Compared | str:
    """Both answers, or why the engine gave none."""
    try:
        engine = dry_run(subject.headers, question)
    except HomeroomError as error:
        return str(error.facts.get("reason", error))
    ours = estimate(
        subject.facts,
        context=question.context,
        parallel=question.parallel,
        kv_type=question.kv_type,
        batch=question.batch,
        flash_attention=question.flash_attention != "disabled",
    )
    return Compared(question, ours, engine)


def worst(values: Iterable[float]) -> float:
    return max(values, key=abs, default=0.0)


def median(values: Iterable[float]) -> float:
    return statistics.median(abs(value) for value in values)


def sweep(pool: ThreadPoolExecutor, done: set[str]) -> tuple[list[tuple[str, Compared]], list[tuple[str, str]]]:
    """Each shape of the catalogue that is not among *done*, at 8k tokens: what was compared, and what the engine refused."""
    seen, todo = set[Any](), list[Subject]()
    for entry in catalogue.entries():
        facts = entry.summary()
        shape = (facts.architecture, facts.layers, facts.scratch, facts.vocabulary)
        if shape not in seen and entry.name not in done:
            headers = entry.headers()
            facts = facts_from(headers, (entry.name,), name=entry.name)
            todo.append(Subject(entry.name, "", entry.repository, headers, facts))
        seen.add(shape)
    answers = list(pool.map(lambda subject: compare(subject, Question(8192)), todo))
    pairs = list(zip((subject.name for subject in todo), answers, strict=True))
    compared = [(name, answer) for name, answer in pairs if isinstance(answer, Compared)]
    return compared, [(name, answer) for name, answer in pairs if isinstance(answer, str)]


# ---- real models

_CHILD: Final = """
import json, os, sys, urllib.request
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_batch, params.n_ubatch = sys.argv[1], 2048, 512, 512
params.cpuparams.n_threads, params.verbosity = 2, 4
params.warmup, params.fit_params, params.no_extra_bufts = False, False, True
server = xllamacpp.Server(params)
body = json.dumps({"prompt": "The quick brown fox jumps. " * 150, "n_predict": 4}).encode()
request = urllib.request.Request(server.listening_address + "/completion", body, {"Content-Type": "application/json"})
urllib.request.urlopen(request).read()
status = open("/proc/self/status").read() if os.path.exists("/proc/self/status") else ""
sys.stderr.flush()
print("\\nSTATUS " + json.dumps(status), flush=True)
os._exit(0)
"""
_BUFFER: Final = re.compile(r"(?:model|KV|compute|output|RS) buffer size =\s+([\d.]+) MiB")


def really(path: Path) -> dict[str, float]:
    """MiB that a real model's buffers take and that its process has in memory after a long prompt, and the formula's."""
    done = subprocess.run([sys.executable, "-c", _CHILD, str(path)], capture_output=True, timeout=120, check=True)
    log = (done.stdout + done.stderr).decode("utf-8", "replace")
    buffers = sum(float(size) for size in _BUFFER.findall(log))
    status = re.search(r"^STATUS (.*)$", log, re.MULTILINE)
    resident = re.search(r"VmRSS:\s+(\d+) kB", json.loads(status[1])) if status else None
    ours = estimate(inspect(path), context=2048, parallel=1, kv_type="f16", batch=512)
    return {
        "allocated": buffers,
        "formula": (ours.total - ours.overhead) / MIB,
        "resident": int(resident[1]) / 1024 if resident else 0.0,
        "with overhead": ours.total / MIB,
    }


# ---- llmfit


def planned(program: Path, repository: str, context: int) -> float | None:
    """Bytes that llmfit plans for a model at Q4_K_M with its cache in f16; None for a model that it does not know."""
    command = [str(program), "--json", "plan", repository, "--context", str(context), "--quant", "Q4_K_M"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=30, check=True)
        answer = json.loads(done.stdout)
        return float(answer["minimum"]["vram_gb"]) * 1e9 if answer["model_name"] == repository else None
    except (subprocess.SubprocessError, OSError, ValueError, KeyError, TypeError):
        return None


# ---- the table


def percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:+.1f} %".replace("+0.0 %", "0.0 %").replace("-0.0 %", "0.0 %")


def errors(compared: Sequence[Compared]) -> str:
    """Median and worst error of each part, in one line."""
    parts = {"total": "total", "KV cache": "cache", "compute buffers": "compute"}
    figures = {name: [getattr(one, part) for one in compared] for name, part in parts.items()}
    return "; ".join(f"{name} median {median(off):.2%}, worst {percent(worst(off))}" for name, off in figures.items())


def told(name: str, figures: dict[str, float]) -> str:
    """One line about a real model."""
    line = (
        f"{name}, loaded at 2,048 tokens: {figures['allocated']:.1f} MiB allocated, formula {figures['formula']:.1f} MiB "
        f"({percent(figures['formula'] / figures['allocated'] - 1)})"
    )
    if not figures["resident"]:
        return f"{line}."
    off = percent(figures["with overhead"] / figures["resident"] - 1)
    return (
        f"{line}; after a long prompt {figures['resident']:.0f} MiB resident, formula with the process "
        f"{figures['with overhead']:.0f} MiB ({off})."
    )


def page(rows: Sequence[dict[str, Any]], summary: Sequence[str]) -> str:
    head = (
        "| Model (Q4_K_M) | What it covers | total | KV cache | compute | llmfit 8k | llmfit 128k |",
        "|---|---|---:|---:|---:|---:|---:|",
    )
    body = [
        f"| {row['name']} | {row['about']} | {percent(row['total'])} | {percent(row['cache'])} | {percent(row['compute'])} "
        f"| {percent(row['llmfit'].get(8192))} | {percent(row['llmfit'].get(131_072))} |"
        for row in rows
    ]
    return "\n".join([BEGIN, "", *head, *body, "", *(f"- {line}" for line in summary), "", END])


def write(table: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(before + table + rest.partition(END)[2], encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="8k tokens alone, no sweep, no llmfit")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the table into docs/accuracy.md")
    options = parser.parse_args()
    asked = questions(options.quick)
    every: list[Compared] = []
    rows: list[dict[str, Any]] = []
    unsized: list[str] = []
    broken: list[str] = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        program = None if options.quick else llmfit(Path(folder))
        for subject in subjects():
            answers = list(pool.map(lambda question, one=subject: compare(one, question), asked))
            compared = [answer for answer in answers if isinstance(answer, Compared)]
            unsized += [f"{subject.name}: {answer}" for answer in answers if isinstance(answer, str)]
            broken += [f"{subject.name} {one.question}" for one in compared if one.broken]
            every += compared
            row: dict[str, Any] = {"name": subject.name, "about": subject.about, "llmfit": {}}
            for part in ("total", "cache", "compute"):
                row[part] = worst(getattr(one, part) for one in compared)
            advisor = None if "old layout" in subject.name else program  # which it does not know
            for one in compared:
                question = one.question
                if advisor and replace(question, context=8192) == Question(8192):
                    size = planned(advisor, subject.repository, question.context)
                    if size is not None and question.context in (8192, 131_072):
                        row["llmfit"][question.context] = size / one.engine.total - 1
            rows.append(row)
            if not options.json:
                print(
                    f"{subject.name:32}"
                    + "".join(f"{percent(row[part]):>10}" for part in ("total", "cache", "compute"))
                )
                sys.stdout.flush()
        swept, refused = ([], []) if options.quick else sweep(pool, set(COVERED))
    broken += [f"{name} {one.question}" for name, one in swept if one.broken]
    real = {name: really(path) for name, path in (("SmolLM2 135M", models.starter()), ("Gemma 3 270M", models.gemma()))}
    for name, figures in real.items():
        if abs(figures["formula"] / figures["allocated"] - 1) > TOTAL:
            broken.append(f"{name} {figures}")
    summary = [f"Formula against engine {engine_version()}: {len(every)} questions; {errors(every)}."]
    if swept:
        others = [one for _, one in swept]
        summary.append(f"{len(swept)} further shapes of the catalogue at 8,192 tokens: {errors(others)}.")
    summary += [told(name, figures) for name, figures in real.items()]
    theirs = [value for row in rows for value in row["llmfit"].values()]
    if theirs:
        summary.append(
            f"{LLMFIT.replace('==', ' ')} on the same questions (f16, one request): "
            f"median {median(theirs):.1%}, worst {percent(worst(theirs))} of the total."
        )
    elif not options.quick:
        summary.append(f"{LLMFIT.replace('==', ' ')} could not be installed here.")
    if unsized:
        summary.append(
            f"The engine gave no answer to {len(unsized)} questions: {'; '.join(sorted(set(unsized)))[:500]}."
        )
    if not options.quick and refused:
        summary.append(f"The engine refused the headers of {', '.join(name for name, _ in refused)}.")
    if options.json:
        print(json.dumps({"machine": machine(), "rows": rows, "summary": summary, "broken": broken}))
    else:
        print("\n".join(["", *summary]))
    if options.write:
        write(page(rows, summary))
    if broken:
        sys.exit("out of bounds:\n  " + "\n  ".join(broken))


if __name__ == "__main__":
    main()
