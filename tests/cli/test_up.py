"""``up``: from a home to examples that work when pasted, and down again with nothing left."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from homeroom.cli.examples import examples
from homeroom.models.inspect import inspect
from support.commands import HOMEROOM, MakeHome, Running, cli, end, environment, start
from support.disks import small_disk


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def printed(process: subprocess.Popen[str], last: str) -> str:
    """What *process* prints up to the line that begins with *last*."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(last):
            return "".join(lines)
    raise AssertionError(process.communicate()[1])


def paste(code: str, home: Path, **more: str) -> str:
    shell = ["bash", "-c", code] if code.startswith("curl") else [sys.executable, "-c", code]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=60, env=environment(home, **more))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_up_prints_works_when_pasted(make_home: MakeHome) -> None:
    home = make_home()
    process = start(home, "up", "--port", "0")
    page = printed(process, "Ctrl-C")
    assert page.startswith("homeroom is ready.\n") and "starter (Q4_1): the only model on this machine" in page
    (key,) = set(re.findall(r"hr-[A-Za-z0-9_-]{43}", page))
    curl, openai, ollama = (block.partition("\n")[2].strip() for block in page.split("\n\n")[1:4])
    answer = json.loads(paste(curl, home))
    assert answer["choices"][0]["message"]["content"] and answer["usage"]["completion_tokens"]
    assert "OpenAI(" in openai and paste(openai, home).strip()
    assert "Client(" in ollama and paste(ollama, home).strip()
    assert oct((home / "homeroom.db").stat().st_mode & 0o777) == "0o600"
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 1  # one engine, nothing else
    ended = end(process)  # Ctrl-C; also looks that no child is left
    assert ended.code == 0
    assert "Loading starter" in ended.err and key not in ended.err
    assert not (home / "gateway.sock").exists() and not list(home.rglob("*.tmp")) + list(home.rglob("*.part"))


def test_later_the_key_is_named_and_not_shown(gateway: Running) -> None:
    """The examples then take it from the environment, and still work."""
    facts = inspect(next((gateway.home / "models" / "blobs").iterdir()), "starter")
    for example in examples(gateway.base_url, facts, None):
        assert "hr-" not in example.code and "HOMEROOM_KEY" in example.code
        assert paste(example.code, gateway.home, HOMEROOM_KEY=gateway.key).strip()


def test_up_where_it_runs_already_says_where(gateway: Running) -> None:
    people, data = cli(gateway.home, "up"), cli(gateway.home, "up", "--json", "--ctx", "512")
    assert people.code == data.code == 0 and gateway.base_url in people.out
    assert data.json == {
        "base_url": gateway.base_url,
        "key": None,
        "key_id": None,
        "model": "starter",
        "pid": gateway.pid,
        "already_running": True,
    }
    assert "stop --all" in data.err and "Warning" not in people.err
    assert cli(gateway.home, "serve", "-q").out == f"{gateway.base_url}\n"


def test_a_taken_port_is_told_before_anything_is_fetched(taken: int, tmp_path: Path) -> None:
    told = cli(tmp_path, "up", "--port", str(taken), "--json", "--index-url", "http://127.0.0.1:9/simple")
    assert told.code == 3 and told.json["error"]["code"] == "port_taken"
    assert f"homeroom up --port {taken + 1}" in told.err
    assert not (tmp_path / "models").exists()


def test_an_unknown_model(home: Path) -> None:
    told = cli(home, "up", "--port", "0", "--model", "llama-that-is-none", "--json")
    assert told.code == 2 and told.json["error"]["code"] == "model_not_found"


def test_no_network_and_no_model(tmp_path: Path) -> None:
    told = cli(tmp_path, "up", "--port", "0", "--index-url", "http://127.0.0.1:9/simple")
    assert told.code == 3 and "homeroom up --model" in told.err and told.out == ""


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
def test_a_disk_that_is_too_small(tmp_path: Path) -> None:
    """An empty home on a disk of 20 MB: told before the download, with what is needed, and the disk is as it was."""
    home = tmp_path / "home"
    under = small_disk(home, 20)
    if under is None:
        pytest.skip("nobody may mount a small disk here; tests/models/test_starter.py fills /dev/full instead")
    command = [*under, *HOMEROOM, "up", "--port", "0", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(home))
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "disk_full" and "191.2 MB" in error["message"] and "HOMEROOM_HOME" in error["next"]


def test_no_memory_for_the_model(home: Path) -> None:
    told = cli(home, "up", "--port", "0", "--model", "starter", "--memory", "100000000", "--json")
    assert told.code == 1 and told.json["error"]["code"] == "does_not_fit"


def test_more_context_than_the_model_has(home: Path) -> None:
    told = cli(home, "up", "--port", "0", "--model", "starter", "--ctx", "9000")
    assert told.code == 2 and "8192" in told.err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_load_leaves_nothing(how: int, home: Path) -> None:
    process = start(home, "up", "--port", "0", "--json")
    assert process.stderr is not None and process.stderr.readline().startswith("Loading starter")
    ended = end(process, how)
    assert ended.code == 130
    assert json.loads(ended.out)["error"]["code"] == "interrupted"


def test_an_interrupted_fetch(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        process = start(tmp_path, "up", "--port", "0", "--index-url", address)
        connection, _ = silent.accept()  # it asks the index, which never answers
        with connection:
            assert end(process).code == 130
