"""Ollama's dialect, with its own client unmodified and a real model."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import ollama
import pytest

from support.gateways import CONTEXT, Running

HELLO = [{"role": "user", "content": "Say hello."}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}, "people": {"type": "integer", "maximum": 99}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
DURATIONS = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")


def lines(gateway: Running, path: str, body: dict[str, Any], key: str | None = None) -> list[dict[str, Any]]:
    """The lines of a streamed answer."""
    with gateway.http(key) as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_version_tells_the_dialects_and_our_own(gateway: Running) -> None:
    with gateway.http() as client:
        told = client.get("/api/version").json()
    assert told == {"version": "0.33.0", "homeroom": gateway.service.version}


def test_tags(gateway: Running) -> None:
    rows = {row.model: row for row in gateway.ollama().list().models}
    assert sorted(name or "" for name in rows) == ["base", "distilled", "embedder", "starter", "student"]
    row = rows["starter"]
    assert row.size == 98_362_432
    assert row.modified_at is not None
    assert row.details is not None
    assert (row.details.format, row.details.family, row.details.families) == ("gguf", "llama", ["llama"])
    assert (row.details.parameter_size, row.details.quantization_level) == ("134.52M", "Q4_1")
    with gateway.http() as client:
        capabilities = {row["name"]: row["capabilities"] for row in client.get("/api/tags").json()["models"]}
    assert capabilities == {
        "base": ["completion"],
        "distilled": ["completion", "thinking"],
        "embedder": ["embedding"],
        "starter": ["completion"],
        "student": ["completion", "tools", "thinking"],
    }


def test_show(gateway: Running) -> None:
    shown = gateway.ollama().show("starter:latest")
    assert shown.modelinfo is not None
    assert shown.modelinfo["general.architecture"] == "llama"
    assert shown.modelinfo["general.parameter_count"] == 134_515_008
    assert shown.modelinfo["llama.context_length"] == 8192
    assert shown.modelinfo["llama.embedding_length"] == 576
    assert shown.modelinfo["llama.block_count"] == 30
    assert shown.modelinfo["llama.attention.head_count_kv"] == 3
    assert shown.capabilities == ["completion"]
    assert "<|im_start|>" in (shown.template or "")
    assert "/" not in (shown.modelfile or "")  # where files are is no caller's business
    with gateway.http() as client:
        assert (
            client.post("/api/show", json={"name": "base"}).json()["model_info"]["gemma3.attention.sliding_window"]
            == 512
        )


def test_an_unknown_model_is_not_found(gateway: Running) -> None:
    client = gateway.ollama()
    calls: list[Callable[[], object]] = [
        lambda: client.show("nothing"),
        lambda: client.chat("nothing", HELLO),
        lambda: client.embed("nothing", "x"),
    ]
    for call in calls:
        with pytest.raises(ollama.ResponseError, match="no model 'nothing'") as caught:
            call()
        assert caught.value.status_code == 404


def test_ps(gateway: Running) -> None:
    client = gateway.ollama(gateway.owner)
    client.chat("starter", HELLO, options={"num_predict": 1}, keep_alive="10m")
    row = next(row for row in client.ps().models if row.model == "starter")
    assert row.context_length == CONTEXT
    assert row.size is not None
    assert row.size > 50_000_000
    assert row.expires_at is not None
    left = row.expires_at - datetime.now(UTC)
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)


@pytest.mark.parametrize("name", ["starter", "starter:latest"])
def test_chat(gateway: Running, name: str) -> None:
    answer = gateway.ollama().chat(name, HELLO, options={"num_predict": 5, "temperature": 0})
    assert answer.model == name
    assert answer.message.role == "assistant"
    assert answer.message.content
    assert (answer.done, answer.done_reason, answer.eval_count) == (True, "length", 5)
    assert (answer.prompt_eval_count or 0) > 5
    assert answer.created_at is not None
    assert datetime.fromisoformat(answer.created_at).tzinfo is not None
    for name in DURATIONS:
        assert 0 <= getattr(answer, name) < 60e9
    assert answer.total_duration >= answer.eval_duration > 0  # type: ignore[operator]


def test_chat_streams_by_default(gateway: Running) -> None:
    body = {"model": "starter", "messages": HELLO, "options": {"num_predict": 6, "temperature": 0}}
    found = lines(gateway, "/api/chat", body)
    whole = gateway.ollama().chat("starter", HELLO, options={"num_predict": 6, "temperature": 0})
    assert "".join(line["message"]["content"] for line in found) == whole.message.content
    assert [line["done"] for line in found] == [False] * (len(found) - 1) + [True]
    assert found[-1]["message"] == {"role": "assistant", "content": ""}
    assert found[-1]["done_reason"] == "length"
    assert found[-1]["eval_count"] == 6
    assert set(DURATIONS) < set(found[-1])
    assert not set(DURATIONS) & set(found[0])


def test_the_clients_stream(gateway: Running) -> None:
    parts = list(gateway.ollama().chat("starter", HELLO, stream=True, options={"num_predict": 3, "temperature": 0}))
    assert "".join(part.message.content or "" for part in parts)
    assert parts[-1].done
    pieces = list(
        gateway.ollama().generate("starter", "Say hello.", stream=True, options={"num_predict": 3, "temperature": 0})
    )
    assert "".join(piece.response or "" for piece in pieces)
    assert pieces[-1].eval_count == 3


async def test_the_client_for_asyncio(gateway: Running) -> None:
    headers = {"authorization": f"Bearer {gateway.guest}"}
    async with ollama.AsyncClient(host=gateway.url, headers=headers) as client:
        answer = await client.chat("starter", HELLO, options={"num_predict": 2, "temperature": 0})
        assert answer.message.content
        parts = [
            part
            async for part in await client.generate(
                "starter", "Hi", stream=True, options={"num_predict": 2, "temperature": 0}
            )
        ]
        assert parts[-1].done_reason == "length"
        assert len((await client.embed("starter", ["a", "b"])).embeddings) == 2


def test_curl(gateway: Running) -> None:
    body = json.dumps({"model": "starter", "prompt": "Hi", "options": {"num_predict": 2}})
    asked = ["curl", "-sS", "--noproxy", "*", f"{gateway.url}/api/generate", "-d", body]
    found = subprocess.run([*asked, "-H", f"Authorization: Bearer {gateway.guest}"], capture_output=True, check=True)
    assert json.loads(found.stdout.splitlines()[-1])["done"] is True
    refused = subprocess.run(asked, capture_output=True, check=True)
    assert "key is required" in json.loads(refused.stdout)["error"]


def test_stop_and_seed(gateway: Running) -> None:
    client = gateway.ollama()

    def ask(**options: Any) -> str:
        return client.chat("starter", HELLO, options={"num_predict": 20} | options).message.content or ""

    text = ask(temperature=0)
    word = text.split()[2]
    stopped = ask(temperature=0, stop=[word])
    assert word not in stopped
    assert text.startswith(stopped)
    assert ask(temperature=1.5, seed=7) == ask(temperature=1.5, seed=7)
    assert ask(temperature=1.5, seed=7) != ask(temperature=1.5, seed=8)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("top", [0, 2])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_logprobs(gateway: Running, path: str, top: int, stream: bool) -> None:
    body: dict[str, Any] = {"model": "starter", "logprobs": True, "top_logprobs": top, "stream": stream}
    body |= {"options": {"num_predict": 3, "temperature": 0}}
    body |= {"messages": HELLO} if path == "/api/chat" else {"prompt": "Say hello.", "raw": True}
    if stream:
        found = [entry for line in lines(gateway, path, body) for entry in line.get("logprobs", ())]
    else:
        with gateway.http() as client:
            found = client.post(path, json=body).json()["logprobs"]
    assert len(found) == 3
    assert all(entry["logprob"] <= 0 and entry["bytes"] for entry in found)
    assert [len(entry.get("top_logprobs", ())) for entry in found] == [top] * 3


@pytest.mark.parametrize("raw", [False, True])
def test_a_schema_is_obeyed(gateway: Running, raw: bool) -> None:
    answer = gateway.ollama().generate(
        "starter", "A city and its people:", format=SCHEMA, raw=raw, options={"num_predict": 200, "temperature": 0}
    )
    assert set(json.loads(answer.response or "")) >= {"city", "people"}
    chat = gateway.ollama().chat("starter", HELLO, format=SCHEMA, options={"num_predict": 200, "temperature": 0})
    assert set(json.loads(chat.message.content or "")) >= {"city", "people"}


def test_any_json(gateway: Running) -> None:
    answer = gateway.ollama().chat("starter", HELLO, format="json", options={"num_predict": 60, "temperature": 0})
    assert (answer.message.content or "").lstrip().startswith("{")


def test_generate_uses_the_template_and_the_system_prompt(gateway: Running) -> None:
    client = gateway.ollama()
    options = {"num_predict": 1, "temperature": 0}
    plain = client.generate("starter", "Say hello.", options=options).prompt_eval_count or 0
    system = client.generate(
        "starter", "Say hello.", system="You are a pirate who sails.", options=options
    ).prompt_eval_count
    raw = client.generate("starter", "Say hello.", raw=True, options=options).prompt_eval_count or 0
    assert raw < 6 < plain  # the template of this model has a system prompt of its own
    assert system != plain


def test_a_base_model_completes_and_does_not_chat(gateway: Running) -> None:
    client = gateway.ollama()
    options = {"num_predict": 4, "temperature": 0}
    answer = client.generate("base", "The sky is", options=options)
    assert answer.response == client.generate("base", "The sky is", raw=True, options=options).response
    with pytest.raises(ollama.ResponseError, match="no chat template"):
        client.chat("base", HELLO)
    with pytest.raises(ollama.ResponseError, match="'system' would have no effect"):
        client.generate("base", "The sky is", system="Be brief.")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["starter", "student"])
def test_a_call_comes_whole_and_its_result_goes_back(gateway: Running, name: str, stream: bool) -> None:
    messages: list[dict[str, Any]] = []
    for city in ("Rome", "Oslo", "Lima"):
        function = {"name": "get_weather", "arguments": {"city": city}}
        messages.append({"role": "user", "content": f"Weather in {city}?"})
        messages.append({"role": "assistant", "content": "", "tool_calls": [{"function": function}]})
    messages.append({"role": "user", "content": "Weather in Paris?"})
    body = {"model": name, "messages": messages, "tools": [WEATHER], "options": {"num_predict": 60, "temperature": 0}}
    found = lines(gateway, "/api/chat", body) if stream else [_post(gateway, "/api/chat", body | {"stream": False})]
    calls = [call for line in found for call in line["message"].get("tool_calls", ())]
    assert [call["function"] for call in calls] == [{"index": 0, "name": "get_weather", "arguments": {"city": "Paris"}}]
    assert found[-1]["done_reason"] == "stop"
    assert "".join(line["message"]["content"] for line in found) == ""
    said = ollama.ChatResponse(
        **found[-1] | {"message": {"role": "assistant", "content": "", "tool_calls": calls}}
    ).message
    result = {"role": "tool", "tool_name": "get_weather", "content": "sunny, 21 degrees"}
    answer = gateway.ollama().chat(
        name, [*messages, said, result], tools=[WEATHER], options={"num_predict": 40, "temperature": 0}
    )
    assert answer.message.content or answer.message.tool_calls


def _post(gateway: Running, path: str, body: dict[str, Any]) -> dict[str, Any]:
    with gateway.http() as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_python_function_is_a_tool(gateway: Running) -> None:
    def add(a: int, b: int) -> int:
        """Add two numbers.

        Args:
          a: The first
          b: The second
        """
        return a + b

    answer = gateway.ollama().chat("starter", HELLO, tools=[add], options={"num_predict": 50, "temperature": 0})
    assert bool(answer.message.content) != bool(answer.message.tool_calls)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_thinking_has_its_own_field(gateway: Running, path: str, stream: bool) -> None:
    """The model is made to think by its prompt, and never stops by itself within so few tokens."""
    body: dict[str, Any] = {"model": "distilled", "think": True, "stream": stream, "options": {"num_predict": 4}}
    body |= {"messages": HELLO} if path == "/api/chat" else {"prompt": "Say hello."}
    found = lines(gateway, path, body) if stream else [_post(gateway, path, body)]
    parts = [line.get("message", line) for line in found]
    said = "".join(part.get("content", part.get("response", "")) for part in parts)
    assert "".join(part.get("thinking", "") for part in parts)
    assert said == ""


def test_thinking_can_be_switched_off(gateway: Running) -> None:
    """By the template where it has a switch; where it has none the thinking is left out, and that is told."""
    with gateway.http() as client:
        body = {"model": "student", "messages": HELLO, "stream": False, "options": {"num_predict": 3}}
        thinking = client.post("/api/chat", json=body | {"think": True}).json()["prompt_eval_count"]
        answer = client.post("/api/chat", json=body | {"think": False})
        assert answer.json()["prompt_eval_count"] > thinking  # the template closed the thinking in the prompt
        assert "x-homeroom-ignored" not in answer.headers
        body = {"model": "distilled", "messages": HELLO, "stream": False, "think": False, "options": {"num_predict": 3}}
        answer = client.post("/api/chat", json=body)
        assert answer.json()["message"] == {"role": "assistant", "content": ""}
        assert answer.headers["x-homeroom-ignored"] == "think"
        assert client.post("/api/chat", json=body | {"think": "low"}).headers["x-homeroom-ignored"] == "think=low"


@pytest.mark.parametrize("think", [True, "high"])
def test_a_model_that_cannot_think_says_so(gateway: Running, think: Any) -> None:
    client = gateway.ollama()
    asks: list[Callable[[], object]] = [
        lambda: client.chat("starter", HELLO, think=think),
        lambda: client.generate("starter", "Hi", think=think),
    ]
    for ask in asks:
        with pytest.raises(ollama.ResponseError, match="does not support thinking") as caught:
            ask()
        assert caught.value.status_code == 400
    assert gateway.ollama().chat("starter", HELLO, think=False, options={"num_predict": 1}).done


def test_embed(gateway: Running) -> None:
    client = gateway.ollama()
    one = client.embed("starter", "one")
    assert len(one.embeddings) == 1
    assert len(one.embeddings[0]) == 576
    assert one.prompt_eval_count == 1
    assert one.total_duration is not None
    many = client.embed("starter", ["two", "one"], dimensions=576)
    assert list(many.embeddings[1]) == pytest.approx(list(one.embeddings[0]), abs=1e-3)
    assert client.embed("starter", []).embeddings == []
    assert client.embed("starter", "").embeddings == []
    old = client.embeddings("starter", "one")
    assert list(old.embedding) == pytest.approx(list(one.embeddings[0]), abs=1e-3)
    assert client.embeddings("starter", "").embedding == []
    with pytest.raises(ollama.ResponseError, match="576 dimensions"):
        client.embed("starter", "one", dimensions=64)


def test_a_text_that_is_too_long_is_cut_only_when_asked_for(gateway: Running) -> None:
    long = "word " * 400
    for truncate in (None, False):
        with pytest.raises(ollama.ResponseError, match=r"401 tokens.* 256") as caught:
            gateway.ollama().embed("embedder", ["short", long], truncate=truncate)
        assert caught.value.status_code == 400
    with gateway.http() as client:
        answer = client.post("/api/embed", json={"model": "embedder", "input": ["short", long], "truncate": True})
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-homeroom-truncated"] == "1"
        assert answer.json()["prompt_eval_count"] == 256 + 1
        short = client.post("/api/embed", json={"model": "embedder", "input": "short", "truncate": True})
        assert "x-homeroom-truncated" not in short.headers
    assert answer.json()["embeddings"][0] == pytest.approx(short.json()["embeddings"][0], abs=1e-3)
    with pytest.raises(ollama.ResponseError, match="256"):
        gateway.ollama().embeddings("embedder", long)


def test_an_embedding_model_does_not_generate(gateway: Running) -> None:
    with pytest.raises(ollama.ResponseError, match="cannot generate"):
        gateway.ollama().generate("embedder", "x")
    with pytest.raises(ollama.ResponseError, match="cannot generate"):
        gateway.ollama().chat("embedder", HELLO)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
@pytest.mark.parametrize("size", [512, CONTEXT, 100_000])
def test_a_prompt_that_is_too_long_is_refused_with_both_counts(
    gateway: Running, path: str, stream: bool, size: int
) -> None:
    """Whatever ``num_ctx`` says."""
    text = "word " * 3000
    body: dict[str, Any] = {"model": "starter", "stream": stream, "options": {"num_predict": 1, "num_ctx": size}}
    body |= {"messages": [{"role": "user", "content": text}]} if path == "/api/chat" else {"prompt": text}
    with gateway.http() as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 400
    assert str(CONTEXT) in answer.json()["error"]
    assert " 30" in answer.json()["error"]


def test_load_options_are_the_owners(gateway: Running) -> None:
    with gateway.http(gateway.guest) as client:
        options = {"num_ctx": 100_000, "num_gpu": 99, "num_thread": 64, "use_mmap": False, "num_predict": 1}
        body = {"model": "starter", "messages": HELLO, "options": options, "keep_alive": "2h", "truncate": True}
        answer = client.post("/api/chat", json=body)
        assert answer.status_code == 200
        assert answer.headers["x-homeroom-ignored"] == "truncate, num_ctx, num_gpu, num_thread, use_mmap, keep_alive"
        assert all(
            row["context_length"] == CONTEXT
            for row in client.get("/api/ps").json()["models"]
            if row["name"] == "starter"
        )


def test_an_unknown_option_is_named(gateway: Running) -> None:
    with pytest.raises(ollama.ResponseError, match="no option 'temprature'") as caught:
        gateway.ollama().chat("starter", HELLO, options={"temprature": 1})
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"suffix": "end"}, "'suffix'"),
        ({"template": "{{ .Prompt }}"}, "'template'"),
        ({"context": [1, 2]}, "'context' is deprecated"),
        ({"raw": True, "system": "x"}, "With 'raw'"),
        ({"images": ["aGk="]}, "cannot see images"),
        ({"_debug_render_only": True}, "_debug_render_only"),
    ],
)
def test_what_generate_cannot_do_is_refused(gateway: Running, body: dict[str, Any], says: str) -> None:
    with gateway.http() as client:
        answer = client.post("/api/generate", json={"model": "starter", "prompt": "x"} | body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_images_are_refused(gateway: Running) -> None:
    with pytest.raises(ollama.ResponseError, match="cannot see images"):
        gateway.ollama().chat("starter", [{"role": "user", "content": "What is this?", "images": [b"hi"]}])


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_an_empty_request_loads_and_unloads(gateway: Running, path: str) -> None:
    def loaded() -> bool:
        return any(engine.facts.name == "starter" for engine in gateway.service.pool.loaded)

    with gateway.http(gateway.guest) as guest, gateway.http(gateway.owner) as owner:
        answer = guest.post(path, json={"model": "starter"})
        assert (answer.json()["done"], answer.json()["done_reason"]) == (True, "load")
        assert loaded()
        refused = guest.post(path, json={"model": "starter", "keep_alive": 0})
        assert refused.status_code == 403
        assert "admin" in refused.json()["error"]
        assert loaded()
        answer = owner.post(path, json={"model": "starter", "keep_alive": 0})
        assert (answer.json()["done"], answer.json()["done_reason"]) == (True, "unload")
        assert not loaded()


def test_keep_alive_is_the_owners(gateway: Running) -> None:
    def kept() -> float | None:
        return next(
            e.keep for e in gateway.service.pool.loaded if e.facts.name == "student" and e.plan.purpose == "generate"
        )

    options = {"num_predict": 1}
    gateway.ollama(gateway.owner).chat("student", HELLO, options=options, keep_alive="90s")
    assert kept() == 90
    gateway.ollama(gateway.guest).chat("student", HELLO, options=options, keep_alive=0)
    assert kept() == 90
    gateway.ollama(gateway.owner).chat("student", HELLO, options=options, keep_alive=-1)
    assert kept() == float("inf")
    assert (gateway.ollama().ps().models[0].expires_at or datetime.min).year == 9999
    gateway.ollama(gateway.owner).chat("student", HELLO, options=options, keep_alive=0)
    assert not any(e.facts.name == "student" for e in gateway.service.pool.loaded)
