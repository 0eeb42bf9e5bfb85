"""``serve``, ``ps`` and ``stop``: a gateway in the background and in the foreground."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest

from support.commands import MakeHome, Running, cli, end, start


def test_in_the_background_from_start_to_stop(make_home: MakeHome) -> None:
    home = make_home()
    told = cli(home, "serve", "--background", "--port", "0", "--model", "starter", "--json")
    assert told.code == 0 and told.json["background"] is True
    process = psutil.Process(told.json["pid"])
    try:
        assert os.getsid(process.pid) != os.getsid(0)
        assert cli(home, "serve", "--background", "-q").out.strip() == told.json["base_url"]
        assert cli(home, "ps", "--json").json["gateway"]["base_url"] == told.json["base_url"]
        assert "homeroom keys add" in (home / "logs" / "serve.log").read_text()
        assert cli(home, "stop", "--all").code == 0
        assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    finally:
        if process.is_running():
            process.kill()
    assert cli(home, "ps").out == "No gateway is running. Start one with: homeroom up\n"


def test_a_background_that_cannot_start_says_why(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = cli(home, "serve", "--background", "--port", str(taken.getsockname()[1]), "--json")
    assert told.code == 3 and told.json["error"]["code"] == "port_taken"
    told = cli(home, "serve", "--background", "--port", "0", "--model", "nope")
    assert told.code == 3 and "'nope'" in told.err and "serve.log" in told.err


def test_in_the_foreground(make_home: MakeHome) -> None:
    home = make_home()
    process = start(home, "serve", "--port", "0", "--json")
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert told["pid"] == process.pid and told["background"] is False
    assert cli(home, "ps").out.endswith("a model loads when it is asked.\n")
    assert end(process, signal.SIGTERM).code == 0


def test_ps_in_its_forms(gateway: Running) -> None:
    people, data, chinese = (cli(gateway.home, "ps", *more) for more in ((), ("--json",), ("--lang", "zh")))
    (engine,) = data.json["engines"]
    assert engine["model"] == "starter" and engine["state"] in ("idle", "busy")
    assert engine["choices"]["context"]["value"] == 2048 and "--ctx" in engine["choices"]["context"]["reason"]
    assert psutil.Process(engine["pid"]).ppid() == gateway.pid
    for choice in engine["choices"].values():
        assert choice["reason"] in people.out
    assert str(engine["pid"]) in people.out and f"{gateway.base_url} (process {gateway.pid})" in people.out
    assert "当前内存" in chinese.out and "空闲" in chinese.out
    assert cli(gateway.home, "ps", "-q").out == "starter\n"


def test_stop_unloads_and_the_next_question_loads_again(gateway: Running) -> None:
    stopped, again = cli(gateway.home, "stop", "starter", "--json"), cli(gateway.home, "stop", "starter")
    assert stopped.json == {"stopped": "starter", "engines": 1}
    assert again.code == 0 and again.out == "starter was not loaded.\n"
    assert cli(gateway.home, "ps", "--json").json["engines"] == []
    assert cli(gateway.home, "run", "starter", "hi", "--max-tokens", "2").code == 0
    assert len(cli(gateway.home, "ps", "--json").json["engines"]) == 1


@pytest.mark.parametrize("words", [("stop", "--all"), ("stop", "starter")])
def test_nothing_to_stop(words: tuple[str, ...], home: Path) -> None:
    told = cli(home, *words, "--json")
    assert told.code == 3 and told.json["error"]["code"] == "gateway_not_running"
    assert "homeroom up" in told.err


def test_ps_without_a_gateway_is_an_answer(home: Path) -> None:
    told = cli(home, "ps", "--json")
    assert (told.code, told.json) == (0, {"gateway": None, "engines": []})


def test_a_model_that_is_not_here_cannot_be_stopped(gateway: Running) -> None:
    assert cli(gateway.home, "stop", "nope").code == 2
