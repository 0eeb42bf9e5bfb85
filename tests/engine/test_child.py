"""The supervised process: its secret, its death with its parent, and files that the engine cannot load."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import psutil
import pytest

from homeroom.engine.child import EngineChild, start_child
from homeroom.engine.plan import Ask, make_plan
from homeroom.errors import EngineStartFailed
from homeroom.hardware.machine import detect
from homeroom.models.facts import ModelFacts


async def start(facts: ModelFacts, logs: Path) -> EngineChild:
    return await start_child(facts, make_plan(facts, detect(), Ask(context=512)), logs)


async def test_the_engine_answers_only_to_its_own_secret(starter: ModelFacts, tmp_path: Path) -> None:
    child = await start(starter, tmp_path)
    try:
        async with aiohttp.ClientSession() as session:
            bare = await session.get(f"{child.url}/v1/models")
            known = await session.get(f"{child.url}/v1/models", headers={"Authorization": f"Bearer {child.secret}"})
        assert (bare.status, known.status) == (401, 200)
        assert child.url.startswith("http://127.0.0.1:")
        command = " ".join(psutil.Process(child.pid).cmdline()) + str(psutil.Process(child.pid).environ())
        assert child.secret not in command
    finally:
        await child.stop()
    assert not child.alive
    assert not psutil.pid_exists(child.pid)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_ends_with_its_parent_however_that_ends(
    starter_path: Path, tmp_path: Path, how: signal.Signals
) -> None:
    code = (
        "import asyncio, sys, pathlib\n"
        "from homeroom.engine.child import start_child\n"
        "from homeroom.engine.plan import Ask, make_plan\n"
        "from homeroom.hardware.machine import detect\n"
        "from homeroom.models.inspect import inspect\n"
        "async def main():\n"
        "    facts = inspect(pathlib.Path(sys.argv[1]))\n"
        "    child = await start_child(facts, make_plan(facts, detect(), Ask(context=512)), pathlib.Path(sys.argv[2]))\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(starter_path), str(tmp_path)], stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.send_signal(how)
        parent.wait()
    begun = time.monotonic()
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() - begun < 3
        time.sleep(0.02)


async def test_a_truncated_file_is_an_error_with_the_engines_own_words(starter: ModelFacts, tmp_path: Path) -> None:
    """Given past the header check on purpose: the engine itself must say it, and nothing may hang."""
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(starter.path.read_bytes()[:40_000_000])
    broken = ModelFacts(**{name: getattr(starter, name) for name in starter.__slots__} | {"paths": (cut,)})
    with pytest.raises(EngineStartFailed) as raised:
        await start(broken, tmp_path / "logs")
    assert "could not load starter" in raised.value.message
    assert "data is not within the file bounds" in raised.value.message or "failed" in raised.value.message
    assert raised.value.next is not None and "homeroom show starter" in raised.value.next
    assert (tmp_path / "logs" / "engine-starter.log").stat().st_size > 0


async def test_corrupt_headers_never_hang_or_leave_a_process(starter: ModelFacts, tmp_path: Path) -> None:
    """Bytes of the header overwritten at random, given past our own check: an error or a running engine, nothing else."""
    dice = random.Random(11435)
    copy = tmp_path / "corrupt.gguf"
    shutil.copyfile(starter.path, copy)
    broken = ModelFacts(**{name: getattr(starter, name) for name in starter.__slots__} | {"paths": (copy,)})
    with starter.path.open("rb") as file:
        original = file.read(4096)
    mine = psutil.Process()
    before = {process.pid for process in mine.children(recursive=True)}
    for _ in range(6):
        damaged = bytearray(original)
        for _ in range(12):
            damaged[dice.randrange(8, len(damaged))] = dice.randrange(256)
        with copy.open("r+b") as target:
            target.write(damaged)
        try:
            child = await asyncio.wait_for(start(broken, tmp_path / "logs"), timeout=20)
            await child.stop()
        except EngineStartFailed as error:
            assert error.message and error.next
    assert {process.pid for process in mine.children(recursive=True)} == before
