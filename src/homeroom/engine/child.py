"""One supervised engine process: start it, watch it load, know when it died, end it.

Knows the worker's little protocol (``engine/worker.py``); does not know requests or which models should be loaded.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import psutil

from homeroom import text
from homeroom.engine.plan import EnginePlan
from homeroom.engine.watch import Watch
from homeroom.errors import EngineStartFailed
from homeroom.models.facts import ModelFacts

LOG_LIMIT: Final = 2_000_000
"""Bytes of one engine's log; a longer one is begun anew at the next start."""
STALL_SECONDS: Final = 60.0
"""A load that takes no more memory for this long is given up: it reads nothing, and a template may compute for ever."""

_ENVIRONMENT: Final = {
    # ggml calls a debugger on abort where one is installed, which takes seconds.
    "GGML_NO_BACKTRACE": "1",
    # Threads that wait for each other spin; where something else has a core they spin against it. Figures: docs/log.md.
    "GOMP_SPINCOUNT": "1000",
}
"""What the engine's process has in its environment unless the user's own says otherwise."""

OnLoading = Callable[[float], None]
"""Told the part of the model that is in memory, 0..1."""


@dataclass(slots=True)
class EngineChild:
    """A loaded model in its own process, on a loopback port behind a secret of its own."""

    facts: ModelFacts
    plan: EnginePlan
    url: str
    secret: str
    version: str
    process: asyncio.subprocess.Process
    log: Path
    started_at: float
    load_seconds: float

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def ended(self) -> str:
        """How the process ended, in words: ``signal SIGKILL``, ``exit code 134``.

        Its connections break a moment before its end is known, so wait that long; ``running`` where it goes on.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), timeout=1.0)
        return describe_exit(self.process.returncode)

    def resident(self) -> int:
        """Bytes of memory that the process holds now; 0 once it is gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    def kill(self) -> None:
        """End the process at once: it has gone wrong. Its requests see it die, and the next one starts another."""
        if self.alive:
            self.process.kill()

    async def stop(self) -> None:
        """End the process and wait until it is gone."""
        await _end(self.process)


async def start_child(
    facts: ModelFacts,
    plan: EnginePlan,
    logs: Path,
    *,
    on_loading: OnLoading | None = None,
    verbose: bool = False,
) -> EngineChild:
    """Start an engine for *facts* and wait until it is loaded. Cancelling ends the process.

    Raises EngineStartFailed with the engine's own last error where it cannot load.
    """
    log = logs / f"engine-{_file_name(facts.name)}{'-embed' if plan.purpose == 'embed' else ''}.log"
    secret = secrets.token_urlsafe(32)
    options = plan.worker_options() | {
        "path": str(facts.path),
        "name": facts.name,
        "secret": secret,
        "chat_format": facts.chat_format,
        "cache_mib": 0 if plan.purpose == "embed" else _prompt_cache_mib(plan),
        "verbosity": 4 if verbose else 2,
    }
    begun = time.monotonic()
    with _open_log(log) as sink:
        before = sink.tell()
        # A new session: Ctrl-C in the terminal is for the parent, which ends the child in its own order.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "homeroom.engine.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=sink,
            start_new_session=True,
            env=_ENVIRONMENT | dict(os.environ),
        )
    try:
        event = await _handshake(process, options, facts, memory_limit(facts, plan), on_loading)
    except BaseException:
        await _end(process)
        raise
    if event.get("event") != "loaded":
        await _end(process)
        raise _start_error(facts, log, before, event, process.returncode)
    return EngineChild(
        facts=facts,
        plan=plan,
        url=event["url"],
        secret=secret,
        version=event["version"],
        process=process,
        log=log,
        started_at=time.time(),
        load_seconds=time.monotonic() - begun,
    )


async def _handshake(
    process: asyncio.subprocess.Process,
    options: dict[str, Any],
    facts: ModelFacts,
    limit: int,
    on_loading: OnLoading | None,
) -> dict[str, Any]:
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(options).encode() + b"\n")
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):  # it died at once; its exit code tells
        return {}
    answer = asyncio.ensure_future(process.stdout.readline())
    watch = Watch(process.pid)
    try:
        while not answer.done():
            await asyncio.wait({answer}, timeout=0.1)
            stalled = watch.stalled(STALL_SECONDS, memory_only=True)
            if on_loading is not None:
                on_loading(min(0.99, watch.resident / max(1, facts.tensor_bytes)))
            if stalled:
                return {"event": "stalled"}
            if watch.resident > limit:
                return {"event": "too_large"}
        line = answer.result()
    finally:
        answer.cancel()
    if not line:
        await process.wait()
        return {}
    if on_loading is not None:
        on_loading(1.0)
    event: dict[str, Any] = json.loads(line)
    return event


def memory_limit(facts: ModelFacts, plan: EnginePlan) -> int:
    """Bytes of memory beyond which an engine has gone wrong, e.g. by a template that builds without end.

    The plan, once more the weights (the engine keeps repacked copies of some beside the mapped file), and 1 GiB.
    """
    return plan.memory.total + facts.tensor_bytes + (1 << 30)


def describe_exit(code: int | None) -> str:
    """``signal SIGKILL`` or ``exit code 3``; ``running`` for None."""
    if code is None:
        return "running"
    if code < 0:
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"


def _start_error(
    facts: ModelFacts, log: Path, before: int, event: dict[str, Any], code: int | None
) -> EngineStartFailed:
    if event.get("event") == "missing":
        return EngineStartFailed("engine.not_installed")
    if event.get("event") == "stalled":
        reason = text.t("engine.stalled", seconds=round(STALL_SECONDS))
    elif event.get("event") == "too_large":
        reason = text.t("engine.too_large")
    else:
        reason = last_error(log, before) or event.get("reason") or text.t("engine.exit", status=describe_exit(code))
    return EngineStartFailed("engine.start_failed", name=facts.name, reason=reason.rstrip("."), log=log)


def last_error(log: Path, before: int) -> str | None:
    """The first line at error level in *log* after byte *before*: later ones only repeat that loading failed."""
    with log.open("rb") as source:
        source.seek(before)
        lines = source.read(65_536).decode("utf-8", errors="replace").splitlines()
    marks = [line.partition(" E ")[2].strip() for line in lines if " E " in line[:20]]
    for mark in marks:
        if "error loading model" in mark or "failed to" in mark:
            return mark.partition(": ")[2] or mark
    return marks[0] if marks else None


def _open_log(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    too_long = path.exists() and path.stat().st_size > LOG_LIMIT
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if too_long else os.O_APPEND), 0o600)
    sink = os.fdopen(handle, "ab")
    sink.seek(0, os.SEEK_END)
    return sink


def _prompt_cache_mib(plan: EnginePlan) -> int:
    """The engine may keep old prompts in memory; hold that to the KV cache's own size, where it has 8 GiB by default."""
    return max(64, min(2048, plan.memory.kv_cache >> 20))


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in name)[-80:]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()  # the worker leaves when its input closes
    try:
        await asyncio.wait_for(process.wait(), timeout=1.0)
    except TimeoutError:  # it is inside the engine
        if process.returncode is None:
            process.kill()
        await process.wait()
