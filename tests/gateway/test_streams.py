"""What goes wrong while an answer is on its way: clients that leave, engines that die, gateways that end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import ollama
import openai
import psutil
import pytest

from homeroom.gateway import streams
from support.gateways import Running, start

LONG = {
    "model": "starter",
    "max_tokens": 2000,
    "ignore_eos": True,
    "messages": [{"role": "user", "content": "Tell a story."}],
}
COUNTING = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,"
"""What a base model goes on with for as long as it may."""
COUNT = {"model": "base", "prompt": COUNTING, "options": {"temperature": 0}}


def unread(marker: str) -> str:
    """A prompt of many tokens that no cache holds, so that reading it takes seconds."""
    return f"{marker} {time.monotonic_ns()} " + " ".join(str(number * 7919) for number in range(200))


def requests(marker: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """A request that would run for long, by what the gateway is busy with when its client leaves."""
    reading = {"messages": [{"role": "user", "content": unread(marker)}]}
    return {
        "openai": ("/v1/chat/completions", LONG),
        "ollama": ("/api/generate", COUNT),
        "openai reading": ("/v1/chat/completions", LONG | reading),
        "ollama reading": ("/api/chat", reading | {"model": "starter", "options": {"num_predict": 500}}),
    }


def until(condition: Callable[[], bool], seconds: float) -> float:
    """How long it took until *condition* held; fails after *seconds*."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - begun


def send(gateway: Running, path: str, body: dict[str, Any]) -> socket.socket:
    """A connection on which the request has been sent and nothing read."""
    data = json.dumps(body).encode()
    connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
    connection.sendall(
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gateway.guest}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode()
        + data
    )
    return connection


def answered(connection: socket.socket) -> tuple[bytes, bytes]:
    """The head and the body of a whole answer."""
    with connection.makefile("rb") as reader:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = reader.readline()
            assert line, "closed before its answer"
            head += line
        size = next(line for line in head.lower().splitlines() if line.startswith(b"content-length:"))
        return head, reader.read(int(size.partition(b":")[2]))


@pytest.fixture(autouse=True)
def warm(gateway: Running) -> None:
    """The engines are loaded and do nothing."""
    with gateway.http() as client:
        for name in ("starter", "base"):
            client.post(
                "/api/generate", json={"model": name, "prompt": "x", "raw": True, "options": {"num_predict": 1}}
            )
    until(lambda: gateway.leases() == 0, 5)


def left_alone(gateway: Running, path: str, body: dict[str, Any]) -> float:
    """Send a request, leave while it is worked on, and tell how long the engine went on."""
    model = body["model"]
    with send(gateway, path, body) as connection:
        until(lambda: gateway.busy(model), 10)
        if "Tell a story" in str(body) or "prompt" in body:
            told = b""
            while body["stream"] and told.count(b"\n") < 20:
                told += connection.recv(65_536)
        else:
            assert [slot["next_token"][0]["n_decoded"] for slot in gateway.slots(model)] == [0]
        assert gateway.leases() == 1
    return until(lambda: not gateway.busy(model) and gateway.leases() == 0, 5)


@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "whole"])
@pytest.mark.parametrize("kind", ["openai", "ollama", "openai reading", "ollama reading"])
def test_a_client_that_leaves_stops_the_generation_within_a_second(gateway: Running, kind: str, stream: bool) -> None:
    """The engine looks up after each batch of the prompt. The best of three counts: other programs may hold it up."""
    for _ in range(3):
        path, body = requests(kind + str(stream))[kind]
        spent = left_alone(gateway, path, body | {"stream": stream})
        if spent < 1.0:
            return
    pytest.fail(f"{spent:.2f} s")


def test_a_client_that_leaves_while_it_waits_for_a_slot_gives_up_its_place(gateway: Running) -> None:
    """One slot: the second request waits in the engine until the first is done, and leaves before."""
    with send(gateway, "/v1/chat/completions", LONG | {"stream": True}):
        until(lambda: gateway.busy(), 10)
        with send(gateway, "/v1/chat/completions", LONG | {"stream": True}):
            until(lambda: gateway.leases() == 2, 5)
        assert until(lambda: gateway.leases() == 1, 5) < 1.0
    assert until(lambda: not gateway.busy() and gateway.leases() == 0, 5) < 1.0


async def test_the_clients_own_way_to_leave(gateway: Running) -> None:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.guest, max_retries=0) as client:
        extra = {"ignore_eos": True}
        asked: Any = {"model": "starter", "messages": LONG["messages"], "max_tokens": 2000, "extra_body": extra}
        stream = await client.chat.completions.create(**asked, stream=True)
        async for _ in stream:
            break
        await stream.close()
        assert await asyncio.to_thread(until, lambda: not gateway.busy(), 5) < 1.0
        task = asyncio.ensure_future(client.chat.completions.create(**asked))
        await asyncio.to_thread(until, lambda: gateway.busy(), 10)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await asyncio.to_thread(until, lambda: not gateway.busy(), 5) < 1.0


def kill(gateway: Running, model: str) -> None:
    os.kill(gateway.pid(model), signal.SIGKILL)


def works_again(gateway: Running, begun: float) -> None:
    with gateway.http() as client:
        body = {"model": "starter", "messages": LONG["messages"], "max_tokens": 1}
        answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    assert time.monotonic() - begun < 3.0


def test_a_killed_engine_in_openais_stream(gateway: Running) -> None:
    stream = gateway.openai().chat.completions.create(
        model="starter", messages=[{"role": "user", "content": "x"}], stream=True, extra_body={"ignore_eos": True}
    )
    said, begun = 0, 0.0
    with pytest.raises(openai.APIError, match=r"ended in the middle.*SIGKILL") as caught:
        for chunk in stream:
            said += bool(chunk.choices[0].delta.content)
            if said == 3 and not begun:
                begun = time.monotonic()
                kill(gateway, "starter")
    assert caught.value.code == "engine_died"
    assert said >= 3
    works_again(gateway, begun)


def test_a_killed_engine_in_ollamas_stream(gateway: Running) -> None:
    parts = gateway.ollama().generate("base", COUNTING, stream=True, options={"temperature": 0})
    said, begun = 0, 0.0
    with pytest.raises(ollama.ResponseError, match=r"ended in the middle.*SIGKILL"):
        for part in parts:
            said += bool(part.response)
            if said == 3 and not begun:
                begun = time.monotonic()
                kill(gateway, "base")
    again = gateway.ollama().generate("base", COUNTING, options={"num_predict": 1})
    assert again.eval_count == 1
    assert time.monotonic() - begun < 3.0


@pytest.mark.parametrize("kind", ["openai", "openai reading", "ollama"])
def test_a_killed_engine_before_a_whole_answer(gateway: Running, kind: str) -> None:
    path, body = requests(kind)[kind]
    model = body["model"]
    with send(gateway, path, body | {"stream": False}) as connection:
        until(lambda: gateway.busy(model), 10)
        begun = time.monotonic()
        kill(gateway, model)
        head, told = answered(connection)
        assert time.monotonic() - begun < 1.0
    assert head.startswith(b"HTTP/1.1 502 ")
    error = json.loads(told)["error"]
    assert "SIGKILL" in (error if kind == "ollama" else error["message"])
    works_again(gateway, begun)


def test_requests_that_waited_for_a_killed_engine_are_told_too(gateway: Running) -> None:
    with send(gateway, "/v1/chat/completions", LONG), send(gateway, "/v1/chat/completions", LONG) as waiting:
        until(lambda: gateway.leases() == 2, 10)
        begun = time.monotonic()
        kill(gateway, "starter")
        assert waiting.recv(65_536).startswith(b"HTTP/1.1 502 ")
        assert time.monotonic() - begun < 1.0
    works_again(gateway, begun)


def test_an_embedding_that_loses_its_engine(gateway: Running) -> None:
    with gateway.http() as client:
        assert client.post("/v1/embeddings", json={"model": "embedder", "input": "x"}).status_code == 200
        engine = next(e for e in gateway.service.pool.loaded if e.facts.name == "embedder")
        os.kill(engine.child.pid, signal.SIGKILL)
        begun = time.monotonic()
        answer = client.post("/v1/embeddings", json={"model": "embedder", "input": "x"})
        assert answer.status_code in (200, 502)  # it may be noticed before or within the request
        assert client.post("/v1/embeddings", json={"model": "embedder", "input": "x"}).status_code == 200
        assert time.monotonic() - begun < 3.0


def test_a_gateway_that_ends_tells_its_clients_and_leaves_nothing(model_folder: Path, tmp_path: Path) -> None:
    running = start(tmp_path, model_folder)
    gateway = next(running)
    with (
        send(gateway, "/api/generate", COUNT | {"model": "starter"}) as connection,
        httpx.Client(trust_env=False) as client,
    ):
        until(lambda: gateway.busy(), 20)
        children = psutil.Process().children(recursive=True)
        pid = gateway.pid()
        assert pid in [child.pid for child in children]
        stopped = client.post(
            f"{gateway.url}/homeroom/stop", json={"all": True}, headers={"authorization": f"Bearer {gateway.owner}"}
        )
        assert stopped.json() == {"stopped": "gateway"}
        begun = time.monotonic()
        told = b""
        while part := connection.recv(65_536):
            told += part
        assert time.monotonic() - begun < 5
        assert b'{"error":' in told
    running.close()
    assert not psutil.pid_exists(pid)
    assert not (tmp_path / "gateway.sock").exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", gateway.port), timeout=1)


def test_a_client_that_reads_nothing_gives_its_engine_back(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its connection open; what is sent fills every buffer on the way and then waits."""
    monkeypatch.setattr(streams, "UNREAD_SECONDS", 1)
    body = LONG | {"stream": True, "max_tokens": 1500, "logprobs": True, "top_logprobs": 20}
    data = json.dumps(body | {"ignore_eos": True}).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", gateway.port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.guest}\r\n"
        connection.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(data) + data)
        until(lambda: gateway.leases() == 1, 10)
        until(lambda: gateway.leases() == 0, 40)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(1 << 20):
                received += part.count(b"data: ")
        assert received < 1500, "it was answered to the end, so it was never given up"
