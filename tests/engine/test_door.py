"""The Python door on the real engine: sync and async, streaming, embeddings, errors, and nothing left behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

import homeroom
from homeroom.errors import BadModelFile, BadRequest, ContextOverflow, UnknownModel, UsageError


def children() -> list[int]:
    return [process.pid for process in psutil.Process().children(recursive=True)]


def test_chat_stream_complete_embed_and_close(starter_path: Path) -> None:
    before = children()
    with homeroom.open(str(starter_path)) as m:
        assert m.facts.architecture == "llama"
        reply = m.chat("Say hello.", max_tokens=8, seed=1, temperature=0)
        assert reply.text and str(reply) == reply.text
        assert reply.finish_reason == "length"
        assert (reply.usage.completion, reply.usage.prompt > 8) == (8, True)
        assert reply.decode_rate and reply.decode_rate > 1

        pieces = list(m.stream("Say hello.", max_tokens=8, seed=1, temperature=0))
        assert "".join(piece.text for piece in pieces) == reply.text
        assert pieces[-1].reply is not None and pieces[-1].reply.text == reply.text
        assert any(piece.read == 1.0 for piece in pieces)

        assert m.complete("The capital of France is", max_tokens=3, temperature=0).text
        one, two = m.embed(["spring", "autumn"])
        assert len(one) == len(two) == m.facts.embedding_length
        assert m.embed([]) == []
        assert len(children()) > len(before)
    assert children() == before
    m.close()


def test_leaving_a_stream_early_frees_the_engine(starter_path: Path) -> None:
    with homeroom.open(str(starter_path)) as m:
        for number, _ in enumerate(m.stream("Tell a long story.", max_tokens=2000, ignore_eos=True)):
            if number == 5:
                break
        assert m.chat("Say hello.", max_tokens=2, ignore_eos=True).usage.completion == 2


async def test_async(starter_path: Path) -> None:
    before = children()
    async with homeroom.open_async(str(starter_path)) as m:
        reply = await m.chat([{"role": "user", "content": "Say hello."}], max_tokens=4, ignore_eos=True)
        assert reply.usage.completion == 4
        text = "".join([piece.text async for piece in m.stream("Say hello.", max_tokens=4, ignore_eos=True)])
        assert text
    assert children() == before


async def test_async_awaited(starter_path: Path) -> None:
    m = await homeroom.open_async(str(starter_path))
    try:
        assert (await m.complete("One two three", max_tokens=2, ignore_eos=True)).usage.completion == 2
    finally:
        await m.close()


def test_tools_and_schema(starter_path: Path) -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
    with homeroom.open(str(starter_path)) as m:
        reply = m.chat("Weather in Paris?", tools=[tool], tool_choice="required", max_tokens=60, temperature=0)
    assert [call.name for call in reply.tool_calls] == ["weather"]
    assert "city" in reply.tool_calls[0].arguments
    assert reply.finish_reason == "tool_calls"


def test_errors_name_what_is_wrong(starter_path: Path, tmp_path: Path) -> None:
    before = children()
    with pytest.raises(UnknownModel, match="nonesuch"):
        homeroom.open("nonesuch")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + os.urandom(200))
    with pytest.raises(BadModelFile, match=r"broken\.gguf"):
        homeroom.open(str(broken))
    with homeroom.open(str(starter_path)) as m, pytest.raises(ContextOverflow, match="tokens"):
        m.chat("word " * 9000)
    with homeroom.open(str(starter_path)) as m:
        with pytest.raises(BadRequest, match=r"max_token'.*max_tokens"):
            m.chat("Say hello.", max_token=5)
        with pytest.raises(BadRequest, match="temperature"):
            m.complete("Say hello.", temperature="warm")
    assert children() == before


def test_a_model_and_a_stream_that_are_forgotten_do_not_keep_the_program(starter_path: Path) -> None:
    code = (
        "import homeroom, sys\n"
        "m = homeroom.open(sys.argv[1])\n"
        "s = m.stream('Tell a long story', max_tokens=50)\n"
        "print(next(iter(s)) is not None)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(starter_path)], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)


def test_a_model_that_is_forgotten_ends_its_engine(starter_path: Path) -> None:
    before = children()
    m = homeroom.open(str(starter_path))
    assert children() != before
    del m
    gc.collect()
    assert children() == before


def test_closing_in_another_thread_wakes_who_waits(starter_path: Path) -> None:
    m = homeroom.open(str(starter_path))
    threading.Timer(0.7, m.close).start()
    with pytest.raises(homeroom.HomeroomError):
        for _ in m.stream("Tell a long story", max_tokens=5000, ignore_eos=True):
            pass
    with pytest.raises(UsageError, match="closed"):
        m.chat("Say hello.")


def test_stream_as_an_option_is_refused_and_not_ignored(starter_path: Path) -> None:
    with homeroom.open(str(starter_path)) as m, pytest.raises(BadRequest, match="stream"):
        m.chat("Say hello.", stream=True)
