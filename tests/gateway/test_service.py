"""How a request is read: size, JSON, the types of its fields, and which models a caller may name."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.gateways import Running

INFERENCE = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/api/chat", "/api/generate", "/api/embed"]
EVERY = [*INFERENCE, "/api/show", "/api/embeddings"]


def message(answer: Any) -> str:
    error = answer.json()["error"]
    return str(error if isinstance(error, str) else error["message"])


@pytest.mark.parametrize("path", EVERY)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe{}",
        b'{"model": NaN}',
        b'{"options": {"temperature": Infinity}}',
        b'{"options": {"temperature": 1e999}}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=range(11),
)
def test_what_is_no_json_object_is_refused(gateway: Running, path: str, body: bytes) -> None:
    with gateway.http(gateway.guest) as client:
        answer = client.post(path, content=body)
    assert answer.status_code == 400
    assert "not a JSON object" in message(answer)


@pytest.mark.parametrize("path", INFERENCE)
def test_a_body_over_the_limit_is_413(gateway: Running, path: str) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    with gateway.http(gateway.guest) as client:
        declared = client.post(path, content=b" " * 1_000_001)
        assert declared.status_code == 413
        assert "1000001" in message(declared)
    with gateway.http(gateway.guest) as client:
        chunked = client.post(path, content=pieces())
        assert chunked.status_code == 413
        assert "1000000" in message(chunked)


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_nothing_of_a_body_is_read_without_a_key(gateway: Running, path: str) -> None:
    with gateway.http("") as client:
        assert client.post(path, content=b" " * 5_000_000).status_code == 401


WRONG: list[Any] = [
    True,
    -7,
    1.5,
    10**30,
    "x",
    "",
    "\ud800",
    "a\x00b",
    [],
    [1],
    ["x"],
    [None],
    [[]],
    [{}],
    {},
    {"a": 1},
]
OPENAI_CHAT = {"model": "starter", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
OPENAI_COMPLETION = {"model": "starter", "prompt": "hi", "max_tokens": 1}
OLLAMA_CHAT = {"model": "starter", "messages": [{"role": "user", "content": "hi"}], "options": {"num_predict": 1}}
OLLAMA_GENERATE = {"model": "starter", "prompt": "hi", "options": {"num_predict": 1}}
SAMPLING = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "seed",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "repeat_penalty",
    "repeat_last_n",
    "mirostat",
    "mirostat_tau",
    "mirostat_eta",
]
CHAT_FIELDS = [
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "stream",
    "stream_options",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "n",
    "user",
    "grammar",
    "json_schema",
    "chat_template_kwargs",
    "reasoning_format",
    "reasoning_effort",
    "samplers",
    "ignore_eos",
    "cache_prompt",
    "timings_per_token",
    "return_progress",
    "add_generation_prompt",
    "dry_sequence_breakers",
    "functions",
    "function_call",
    "modalities",
    "audio",
    "unknown",
    "id_slot",
    "lora",
]
OLLAMA_FIELDS = [
    "model",
    "stream",
    "format",
    "keep_alive",
    "options",
    "think",
    "logprobs",
    "top_logprobs",
    "unknown",
    "truncate",
    "shift",
]


_turn = itertools.cycle(range(len(WRONG)))


def some() -> list[Any]:
    """Four of the wrong values, and the next ones at the next call: each is met with many fields, in little time."""
    first = next(_turn)
    return [WRONG[(first + step * 4) % len(WRONG)] for step in range(4)]


def never_a_defect(gateway: Running, path: str, bodies: Iterator[dict[str, Any]]) -> None:
    with gateway.http(gateway.guest) as client:
        for body in bodies:
            sent = json.dumps(body)
            answer = client.post(path, content=sent.encode())
            assert answer.status_code in (200, 400, 404), (sent, answer.text)
            if answer.status_code != 200:
                assert message(answer), sent
                assert "defect" not in message(answer)


def changed(base: dict[str, Any], names: list[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        for value in some():
            if name != "options" or value != {}:  # which would be no limit of tokens
                yield base | {name: value}


def test_wrong_types_in_openais_chat(gateway: Running) -> None:
    never_a_defect(gateway, "/v1/chat/completions", changed(OPENAI_CHAT, CHAT_FIELDS + SAMPLING))


def test_wrong_types_in_openais_messages(gateway: Running) -> None:
    def bodies() -> Iterator[dict[str, Any]]:
        for name in ("role", "content", "tool_calls", "tool_call_id", "name", "reasoning_content"):
            for value in some():
                for role in ("user", "assistant", "tool"):
                    yield OPENAI_CHAT | {"messages": [{"role": role, "content": "hi", name: value}]}
        for value in some():
            yield OPENAI_CHAT | {"messages": [{"role": "user", "content": [{"type": value, "text": value}]}]}
            yield OPENAI_CHAT | {"tools": [{"type": "function", "function": value}]}
            yield OPENAI_CHAT | {"tools": [{"type": "function", "function": {"name": value, "parameters": value}}]}
            yield OPENAI_CHAT | {
                "model": "student",
                "tools": [{"type": "function", "function": {"name": "f", "parameters": value}}],
            }
            schema = {"type": "json_schema", "json_schema": {"schema": {"type": value, "properties": value}}}
            yield OPENAI_CHAT | {"response_format": schema}

    never_a_defect(gateway, "/v1/chat/completions", bodies())


def test_wrong_types_in_openais_completions_and_embeddings(gateway: Running) -> None:
    names = ["prompt", "suffix", "echo", "best_of", "logprobs", "response_format", "stop", "stream", "max_tokens"]
    never_a_defect(gateway, "/v1/completions", changed(OPENAI_COMPLETION, names))
    base = {"model": "embedder", "input": "x"}
    never_a_defect(
        gateway, "/v1/embeddings", changed(base, ["model", "input", "encoding_format", "dimensions", "user"])
    )


def test_wrong_types_in_ollamas_chat(gateway: Running) -> None:
    def bodies() -> Iterator[dict[str, Any]]:
        yield from changed(OLLAMA_CHAT, [*OLLAMA_FIELDS, "messages", "tools"])
        for name in ("role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id"):
            for value in some():
                for role in ("assistant", "tool"):
                    yield OLLAMA_CHAT | {"messages": [{"role": role, "content": "hi", name: value}]}
        for name in (*SAMPLING, "num_ctx", "num_keep", "unknown"):
            for value in some():
                yield OLLAMA_CHAT | {"options": {"num_predict": 1, name: value}}

    never_a_defect(gateway, "/api/chat", bodies())


def test_wrong_types_in_ollamas_other_routes(gateway: Running) -> None:
    names = [*OLLAMA_FIELDS, "prompt", "system", "suffix", "template", "context", "raw", "images"]
    never_a_defect(gateway, "/api/generate", changed(OLLAMA_GENERATE, names))
    base = {"model": "embedder", "input": "x"}
    never_a_defect(
        gateway, "/api/embed", changed(base, ["model", "input", "truncate", "dimensions", "options", "keep_alive"])
    )
    never_a_defect(
        gateway, "/api/embeddings", changed({"model": "embedder", "prompt": "x"}, ["model", "prompt", "options"])
    )
    never_a_defect(gateway, "/api/show", changed({}, ["model", "name"]))


@pytest.mark.parametrize(
    "name", ["{folder}/starter.gguf", "../secret.gguf", "~/x.gguf", "/etc/hostname", "C:\\x.gguf", "./x"]
)
def test_only_an_owner_may_name_a_path(gateway: Running, model_folder: Path, name: str) -> None:
    """Others would learn which files exist on this machine."""
    given = name.format(folder=model_folder)
    with gateway.http(gateway.guest) as guest, gateway.http(gateway.owner) as owner:
        for path, body in (("/api/show", {}), ("/v1/embeddings", {"input": "x"}), ("/api/chat", {})):
            answer = guest.post(path, json={"model": given} | body)
            assert answer.status_code == 404
            assert "There is no model" in message(answer)
        if given.startswith(str(model_folder)):
            assert owner.post("/api/show", json={"model": given}).status_code == 200


def test_only_an_owner_learns_the_path_of_a_file_that_cannot_be_read(gateway: Running, model_folder: Path) -> None:
    broken = model_folder / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\xff" * 100)
    try:
        with gateway.http(gateway.guest) as guest, gateway.http(gateway.owner) as owner:
            told = guest.post("/api/show", json={"model": "broken"})
            assert told.status_code == 422 and "broken" in message(told) and str(model_folder) not in told.text
            assert str(broken) in owner.post("/api/show", json={"model": "broken"}).text
    finally:
        broken.unlink()
