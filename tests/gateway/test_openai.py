"""OpenAI's dialect, with its own client unmodified and a real model."""

from __future__ import annotations

import base64
import json
import struct
import subprocess
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam

from support.gateways import Running

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello."}]
WEATHER: ChatCompletionToolUnionParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 20}},
            "required": ["city"],
        },
    },
}
TIME: ChatCompletionToolUnionParam = {
    "type": "function",
    "function": {
        "name": "get_time",
        "parameters": {"type": "object", "properties": {"zone": {"enum": ["UTC", "CET"]}}, "required": ["zone"]},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}, "people": {"type": "integer", "maximum": 99}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
STRAIGHT = {"chat_template_kwargs": {"enable_thinking": False}}
"""A model of this size would think for as long as it may before it calls."""
THOUGHT = {"grammar": 'root ::= "two and two\\n</think>\\n\\nfour"'}
MARKED = {"grammar": 'root ::= "<think>\\ntwo and two\\n</think>\\n\\nfour"'}


def shots() -> list[ChatCompletionMessageParam]:
    """A conversation in which every question was answered with a call, so that a very small model goes on like that."""
    said: list[ChatCompletionMessageParam] = []
    for number, city in enumerate(("Rome", "Oslo", "Lima")):
        function = {"name": "get_weather", "arguments": json.dumps({"city": city})}
        call: Any = {"id": f"c{number}", "type": "function", "function": function}
        said.append({"role": "user", "content": f"Weather in {city}?"})
        said.append({"role": "assistant", "content": "", "tool_calls": [call]})
    return [*said, {"role": "user", "content": "Weather in Paris?"}]


def test_models(gateway: Running) -> None:
    client = gateway.openai()
    assert [model.id for model in client.models.list()] == ["base", "distilled", "embedder", "starter", "student"]
    assert client.models.retrieve("starter").id == "starter"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nothing")


def test_chat(gateway: Running) -> None:
    answer = gateway.openai().chat.completions.create(model="starter", messages=HELLO, max_tokens=5, temperature=0)
    assert answer.object == "chat.completion"
    assert answer.model == "starter"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 5


def test_chat_streams_the_same_text(gateway: Running) -> None:
    client = gateway.openai()
    whole = client.chat.completions.create(model="starter", messages=HELLO, max_tokens=8, temperature=0)
    chunks = list(
        client.chat.completions.create(model="starter", messages=HELLO, max_tokens=8, temperature=0, stream=True)
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "length"
    assert all(chunk.usage is None for chunk in chunks)  # nobody asked for it


def test_usage_is_an_extra_chunk_when_asked_for(gateway: Running) -> None:
    chunks = list(
        gateway.openai().chat.completions.create(
            model="starter",
            messages=HELLO,
            temperature=0,
            max_tokens=3,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


async def test_the_client_for_asyncio(gateway: Running) -> None:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.guest, max_retries=0) as client:
        answer = await client.chat.completions.create(model="starter", messages=HELLO, temperature=0, max_tokens=3)
        assert answer.choices[0].message.content
        stream = await client.chat.completions.create(
            model="starter", messages=HELLO, temperature=0, max_tokens=3, stream=True
        )
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        vectors = await client.embeddings.create(model="starter", input="one")
        assert len(vectors.data[0].embedding) == 576


def test_curl(gateway: Running) -> None:
    body = json.dumps({"model": "starter", "messages": HELLO, "max_tokens": 3})
    asked = ["curl", "-sS", "--noproxy", "*", f"{gateway.url}/v1/chat/completions", "-d", body]
    found = subprocess.run([*asked, "-H", f"Authorization: Bearer {gateway.guest}"], capture_output=True, check=True)
    assert json.loads(found.stdout)["choices"][0]["message"]["content"]
    refused = subprocess.run(asked, capture_output=True, check=True)
    assert json.loads(refused.stdout)["error"]["code"] == "invalid_api_key"


def test_without_a_name_the_gateways_own_model_answers(gateway: Running) -> None:
    with gateway.http() as client:
        answer = client.post("/v1/chat/completions", json={"messages": HELLO, "max_tokens": 1}).json()
    assert answer["model"] == "starter"


def test_stop_and_seed(gateway: Running) -> None:
    client = gateway.openai()

    def ask(**options: Any) -> str:
        answer = client.chat.completions.create(model="starter", messages=HELLO, max_tokens=24, **options)
        return answer.choices[0].message.content or ""

    text = ask(temperature=0)
    word = text.split()[2]
    stopped = ask(temperature=0, stop=[word])
    assert word not in stopped
    assert text.startswith(stopped)
    assert ask(temperature=1.5, seed=7) == ask(temperature=1.5, seed=7)
    assert ask(temperature=1.5, seed=7) != ask(temperature=1.5, seed=8)
    # The engine keeps 32 bits, one value of which means "any": it must not be reached by a seed that was given.
    assert ask(temperature=1.5, seed=2**32 - 1) == ask(temperature=1.5, seed=2**32 - 1)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("top", [None, 0, 3])
def test_logprobs(gateway: Running, stream: bool, top: int | None) -> None:
    asked: dict[str, Any] = {"logprobs": True} | ({} if top is None else {"top_logprobs": top})
    client = gateway.openai()
    found: list[Any] = []
    if stream:
        for chunk in client.chat.completions.create(
            model="starter", messages=HELLO, max_tokens=3, temperature=0, stream=True, **asked
        ):
            logprobs = chunk.choices[0].logprobs
            found += logprobs.content or [] if logprobs else []
    else:
        answer = client.chat.completions.create(model="starter", messages=HELLO, max_tokens=3, temperature=0, **asked)
        assert answer.choices[0].logprobs is not None
        found += answer.choices[0].logprobs.content or []
    assert len(found) == 3
    assert all(entry.logprob <= 0 and len(entry.top_logprobs) == (top or 0) for entry in found)


def test_a_schema_is_obeyed(gateway: Running) -> None:
    answer = gateway.openai().chat.completions.create(
        model="starter",
        messages=[{"role": "user", "content": "A city and how many people live there, as JSON."}],
        temperature=0,
        max_tokens=200,
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA}},
    )
    value = json.loads(answer.choices[0].message.content or "")
    assert set(value) == {"city", "people"}
    assert isinstance(value["city"], str)
    assert isinstance(value["people"], int)
    assert value["people"] <= 99


def test_any_json_object(gateway: Running) -> None:
    answer = gateway.openai().chat.completions.create(
        model="starter",
        messages=[{"role": "user", "content": 'Answer with {"ok": true}'}],
        temperature=0,
        max_tokens=60,
        response_format={"type": "json_object"},
    )
    if answer.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(answer.choices[0].message.content or ""), dict)
    assert (answer.choices[0].message.content or "").startswith("{")


def test_completion(gateway: Running) -> None:
    client = gateway.openai()
    whole = client.completions.create(model="base", prompt="The sky is", max_tokens=4, temperature=0, logprobs=2)
    choice = whole.choices[0]
    assert choice.text
    assert choice.finish_reason == "length"
    assert choice.logprobs is not None
    assert "".join(choice.logprobs.tokens or []) == choice.text
    assert [len(tops) for tops in choice.logprobs.top_logprobs or []] == [2] * 4
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 4
    chunks = list(
        client.completions.create(model="base", prompt="The sky is", max_tokens=4, temperature=0, stream=True)
    )
    assert "".join(chunk.choices[0].text for chunk in chunks) == choice.text
    assert chunks[-1].choices[0].finish_reason == "length"


def test_several_prompts(gateway: Running) -> None:
    client = gateway.openai()
    answer = client.completions.create(model="starter", prompt=["One", "Two"], temperature=0, max_tokens=2, logprobs=0)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert all(choice.logprobs and len(choice.logprobs.tokens or []) == 2 for choice in answer.choices)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4
    chunks = list(
        client.completions.create(
            model="starter",
            prompt=["One", "Two"],
            temperature=0,
            max_tokens=2,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert {choice.index for chunk in chunks for choice in chunk.choices} == {0, 1}
    assert [chunk.usage.completion_tokens for chunk in chunks if chunk.usage] == [4]


def test_a_completions_schema_is_obeyed(gateway: Running) -> None:
    answer = gateway.openai().completions.create(
        model="starter",
        prompt="The city:",
        temperature=0,
        max_tokens=200,
        extra_body={"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
    )
    assert set(json.loads(answer.choices[0].text)) == {"city", "people"}


def test_a_base_model_does_not_chat(gateway: Running) -> None:
    with pytest.raises(openai.BadRequestError, match="no chat template"):
        gateway.openai().chat.completions.create(model="base", messages=HELLO)


def test_an_embedding_model_does_not_generate(gateway: Running) -> None:
    client = gateway.openai()
    with pytest.raises(openai.BadRequestError, match="cannot generate"):
        client.chat.completions.create(model="embedder", messages=HELLO)
    with pytest.raises(openai.BadRequestError, match="cannot generate"):
        client.completions.create(model="embedder", prompt="x")


def test_embeddings(gateway: Running) -> None:
    client = gateway.openai()
    found = client.embeddings.create(model="starter", input=["one", "two", "one"], encoding_format="float")
    assert [row.index for row in found.data] == [0, 1, 2]
    assert len(found.data[0].embedding) == 576
    assert found.data[0].embedding == pytest.approx(found.data[2].embedding, abs=1e-3)
    assert found.data[0].embedding != pytest.approx(found.data[1].embedding, abs=1e-3)
    assert sum(x * x for x in found.data[0].embedding) == pytest.approx(1, abs=1e-3)
    assert found.usage.prompt_tokens == 3
    with gateway.http() as raw:
        body = {"model": "starter", "input": "one", "encoding_format": "base64"}
        coded = raw.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]
    assert list(struct.unpack("<576f", base64.b64decode(coded))) == pytest.approx(found.data[0].embedding, abs=1e-3)


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_time"}}])
@pytest.mark.parametrize("name", ["starter", "student"])
def test_a_required_call_is_made(gateway: Running, name: str, choice: Any) -> None:
    """With a template that knows no tools, and with one that does but whose engine would not have held to it."""
    answer = gateway.openai().chat.completions.create(
        model=name,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[WEATHER, TIME],
        tool_choice=choice,
        max_tokens=80,
        temperature=0,
        extra_body=STRAIGHT,
    )
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    assert message.tool_calls is not None
    call = message.tool_calls[0]
    assert call.type == "function"
    assert call.id
    arguments = json.loads(call.function.arguments)
    if choice == "required":
        assert call.function.name in ("get_weather", "get_time")
    else:
        assert call.function.name == "get_time"
        assert arguments["zone"] in ("UTC", "CET")


@pytest.mark.parametrize("name", ["starter", "student"])
def test_a_required_call_streams(gateway: Running, name: str) -> None:
    stream = gateway.openai().chat.completions.create(
        model=name,
        messages=HELLO,
        tools=[WEATHER],
        tool_choice="required",
        max_tokens=80,
        stream=True,
        temperature=0,
        extra_body=STRAIGHT,
    )
    names, arguments, finish = "", "", None
    for chunk in stream:
        choice = chunk.choices[0]
        assert not choice.delta.content
        finish = choice.finish_reason or finish
        for call in choice.delta.tool_calls or ():
            assert call.function is not None
            names += call.function.name or ""
            arguments += call.function.arguments or ""
    assert (names, finish) == ("get_weather", "tool_calls")
    assert set(json.loads(arguments)) == {"city"}


@pytest.mark.parametrize("stream", [False, True])
def test_auto_gives_a_reply_or_a_call_and_never_the_wrapping(gateway: Running, stream: bool) -> None:
    client = gateway.openai()
    asked: Any = {
        "model": "starter",
        "messages": HELLO,
        "tools": [WEATHER],
        "max_tokens": 60,
        "temperature": 0,
        "seed": 1,
    }
    if stream:
        chunks = list(client.chat.completions.create(**asked, stream=True))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    else:
        message = client.chat.completions.create(**asked).choices[0].message
        text, calls = message.content or "", list(message.tool_calls or ())
    assert bool(text) != bool(calls)
    assert '"reply"' not in text


@pytest.mark.parametrize("stream", [False, True])
def test_auto_calls_with_a_template_that_knows_tools(gateway: Running, stream: bool) -> None:
    asked: Any = {"model": "student", "messages": shots(), "tools": [WEATHER], "max_tokens": 60, "temperature": 0}
    client = gateway.openai()
    if stream:
        parts = [
            call.function
            for chunk in client.chat.completions.create(**asked, stream=True)
            for call in chunk.choices[0].delta.tool_calls or ()
        ]
        name = "".join(part.name or "" for part in parts if part)
        arguments = "".join(part.arguments or "" for part in parts if part)
    else:
        message = client.chat.completions.create(**asked).choices[0].message
        assert message.tool_calls is not None
        assert message.tool_calls[0].type == "function"
        name, arguments = message.tool_calls[0].function.name, message.tool_calls[0].function.arguments
    assert name == "get_weather"
    assert json.loads(arguments) == {"city": "Paris"}


@pytest.mark.parametrize("name", ["starter", "student"])
def test_a_tools_result_goes_back(gateway: Running, name: str) -> None:
    function = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    call: Any = {"id": "c1", "type": "function", "function": function}
    answer = gateway.openai().chat.completions.create(
        model=name,
        messages=[
            {"role": "user", "content": "What is the weather in Paris?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "sunny, 21 degrees"},
        ],
        tools=[WEATHER],
        max_tokens=40,
    )
    assert answer.choices[0].message.content or answer.choices[0].message.tool_calls


def test_tool_choice_none_shows_no_tools(gateway: Running) -> None:
    def tokens(**options: Any) -> int:
        asked = gateway.openai().chat.completions.create(model="student", messages=HELLO, max_tokens=1, **options)
        assert asked.usage is not None
        return int(asked.usage.prompt_tokens)

    assert tokens(tools=[WEATHER], tool_choice="none") == tokens()
    assert tokens(tools=[WEATHER]) > tokens()


def test_a_tools_schema_may_point_into_itself(gateway: Running) -> None:
    parameters = {
        "type": "object",
        "properties": {"where": {"$ref": "#/$defs/Place"}},
        "required": ["where"],
        "$defs": {"Place": {"type": "object", "properties": {"city": {"enum": ["Paris"]}}, "required": ["city"]}},
    }
    tool: Any = {"type": "function", "function": {"name": "go", "parameters": parameters}}
    answer = gateway.openai().chat.completions.create(
        model="starter",
        messages=HELLO,
        tools=[tool, WEATHER],
        tool_choice={"type": "function", "function": {"name": "go"}},
    )
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].type == "function"
    assert json.loads(calls[0].function.arguments) == {"where": {"city": "Paris"}}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("distilled", THOUGHT),
        ("student", MARKED),
        ("student", MARKED | {"chat_template_kwargs": {"enable_thinking": False}}),
    ],
    ids=["opened by the prompt", "opened by the model", "thinks although it may not"],
)
def test_thinking_is_never_in_the_content(gateway: Running, name: str, extra: dict[str, Any], stream: bool) -> None:
    asked: Any = {"model": name, "messages": HELLO, "max_tokens": 60, "extra_body": extra}
    thought, said = "", ""
    if stream:
        for chunk in gateway.openai().chat.completions.create(**asked, stream=True):
            thought += getattr(chunk.choices[0].delta, "reasoning_content", None) or ""
            said += chunk.choices[0].delta.content or ""
    else:
        message = gateway.openai().chat.completions.create(**asked).choices[0].message
        thought, said = getattr(message, "reasoning_content", ""), message.content or ""
    assert (thought, said) == ("two and two", "four")


def test_thinking_that_was_cut_off_is_still_thinking(gateway: Running) -> None:
    answer = gateway.openai().chat.completions.create(
        model="distilled", messages=HELLO, max_tokens=4, extra_body={"ignore_eos": True}
    )
    message = answer.choices[0].message
    assert message.content == ""
    assert getattr(message, "reasoning_content", "")
    assert answer.choices[0].finish_reason == "length"


@pytest.mark.parametrize("path", ["chat/completions", "completions"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_is_too_long_is_refused_with_both_counts(gateway: Running, path: str, stream: bool) -> None:
    text = "word " * 3000
    body: dict[str, Any] = {"model": "starter", "stream": stream, "max_tokens": 1}
    body |= {"messages": [{"role": "user", "content": text}]} if path.startswith("chat") else {"prompt": text}
    with gateway.http() as client:
        answer = client.post(f"/v1/{path}", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (
        400,
        "context_length_exceeded",
        "invalid_request_error",
    )
    assert "2048" in error["message"]
    assert "30" in error["message"]  # 3000 words and a little more


def test_a_text_that_is_too_long_to_embed_is_refused(gateway: Running) -> None:
    with pytest.raises(openai.BadRequestError, match=r"401 tokens.*256") as caught:
        gateway.openai().embeddings.create(model="embedder", input=["short", "word " * 400])
    assert caught.value.code == "context_length_exceeded"


def test_what_is_not_followed_is_told(gateway: Running) -> None:
    with gateway.http() as client:
        body = {"model": "starter", "messages": HELLO, "max_tokens": 1, "user": "me", "id_slot": 3, "__verbose": True}
        answer = client.post("/v1/chat/completions", json=body)
    assert answer.headers["x-homeroom-ignored"] == "user, id_slot, __verbose"
    assert "__verbose" not in answer.json()


@pytest.mark.parametrize("field", ["suffix", "echo", "best_of", "n"])
def test_what_cannot_be_done_is_refused(gateway: Running, field: str) -> None:
    value: Any = {"suffix": "end", "echo": True, "best_of": 2, "n": 2}[field]
    with pytest.raises(openai.BadRequestError) as caught:
        gateway.openai().completions.create(model="starter", prompt="x", max_tokens=1, **{field: value})
    assert caught.value.param == field
