"""What a Modelfile adds to a request, and the engine's own formats for files that have no template."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeroom.engine import chat, completion
from homeroom.engine.client import EngineClient
from homeroom.engine.modelfile import with_defaults
from homeroom.errors import NotSupported
from homeroom.models.facts import ModelFacts
from homeroom.models.inspect import inspect
from homeroom.models.modelfile import Modelfile
from support.gguf_writer import with_metadata
from support.pools import PoolMaker

USER = {"role": "user", "content": "Say hello."}
MARIO = Modelfile(
    system="You are Mario.",
    parameters={"temperature": 0, "num_predict": 2, "num_ctx": 4096, "stop": ["</s>"], "nope": 1},
    messages=(("user", "Who?"), ("assistant", "Me.")),
)
EXAMPLE = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me."}]


@pytest.fixture
def mario(starter: ModelFacts) -> ModelFacts:
    return replace(starter, modelfile=MARIO)


def test_a_request_that_says_nothing_gets_what_the_modelfile_says(mario: ModelFacts) -> None:
    asked = {"messages": [USER]}
    assert with_defaults(mario, asked) == {
        "temperature": 0,
        "max_tokens": 2,
        "stop": ["</s>"],
        "messages": [{"role": "system", "content": "You are Mario."}, *EXAMPLE, USER],
    }
    assert asked == {"messages": [USER]}


@pytest.mark.parametrize("role", ["system", "developer"])
def test_what_a_request_says_itself_counts(mario: ModelFacts, role: str) -> None:
    own = {"role": role, "content": "You are Luigi."}
    found = with_defaults(mario, {"messages": [own, USER], "temperature": 1.5, "max_tokens": -1, "stop": []})
    assert found == {"messages": [own, *EXAMPLE, USER], "temperature": 1.5, "max_tokens": -1, "stop": []}


def test_a_completion_gets_the_parameters_alone(mario: ModelFacts) -> None:
    assert with_defaults(mario, {"prompt": "x"}) == {"prompt": "x", "temperature": 0, "max_tokens": 2, "stop": ["</s>"]}


def test_a_model_without_a_modelfile(starter: ModelFacts) -> None:
    asked: dict[str, Any] = {"messages": [USER]}
    assert with_defaults(starter, asked) is asked


async def prompt(client: EngineClient, facts: ModelFacts, *messages: dict[str, str]) -> str:
    """The prompt that the engine makes of a conversation."""
    sent, _ = chat.prepare(facts, {"messages": list(messages)})
    return str((await client.post("/apply-template", {"messages": sent["messages"]}))["prompt"])


async def said(client: EngineClient, facts: ModelFacts, **options: Any) -> dict[str, Any]:
    return await completion.collect(chat.chat(client, facts, {"messages": [USER], **options}))


async def test_the_engine_obeys_it(make_pool: PoolMaker, mario: ModelFacts) -> None:
    async with make_pool().lease(mario) as client:
        assert "<|im_start|>system\nYou are Mario.<|im_end|>\n<|im_start|>user\nWho?" in await prompt(
            client, mario, USER
        )
        first, second = [await said(client, mario) for _ in range(2)]
        longer = await said(client, mario, max_tokens=6)
    assert first["usage"]["completion_tokens"] == 2 and first["choices"][0]["finish_reason"] == "length"
    assert first["choices"][0]["message"] == second["choices"][0]["message"]
    assert longer["usage"]["completion_tokens"] > 2


async def test_its_stops_stop(make_pool: PoolMaker, starter: ModelFacts) -> None:
    async with make_pool().lease(starter) as client:
        whole = (await said(client, starter, temperature=0, max_tokens=12))["choices"][0]["message"]["content"]
        word = whole.split()[1]
        stopped = replace(
            starter, modelfile=Modelfile(parameters={"stop": [word], "temperature": 0, "num_predict": 12})
        )
        cut = (await said(client, stopped))["choices"][0]["message"]["content"]
        free = (await said(client, stopped, stop=[]))["choices"][0]["message"]["content"]
    assert word not in cut and whole.startswith(cut) and free == whole


CHATML = "<|im_start|>user\n{{ .Prompt }}<|im_end|>\n<|im_start|>assistant\n"
LLAMA_3 = "<|start_header_id|>user<|end_header_id|>\n\n{{ .Prompt }}<|eot_id|>"
GEMMA = "<start_of_turn>user\n{{ .Prompt }}<end_of_turn>\n<start_of_turn>model\n"
MISTRAL = "[INST] {{ if .System }}{{ .System }} {{ end }}{{ .Prompt }} [/INST]"
FORMATTED = {
    CHATML: "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    LLAMA_3: "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
    "Hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    GEMMA: "<start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\n",
    MISTRAL: " [INST] Be brief.\n\nHi [/INST]",
}


async def test_a_file_without_a_template_is_given_the_format_of_its_modelfile_s_marks(
    make_pool: PoolMaker, starter_path: Path, tmp_path: Path
) -> None:
    bare = inspect(with_metadata(starter_path, tmp_path / "bare.gguf", {"tokenizer.chat_template": None}), "bare")
    assert not bare.chats
    with pytest.raises(NotSupported):
        chat.prepare(bare, {"messages": [USER]})
    pool = make_pool()
    for template, expected in FORMATTED.items():
        facts = replace(bare, modelfile=Modelfile(template=template))
        async with pool.lease(facts) as client:
            told = await prompt(
                client, facts, {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}
            )
            assert told.removeprefix("<|endoftext|>") == expected
            if template == CHATML:
                assert (await said(client, facts, max_tokens=4))["choices"][0]["message"]["content"]
                wanted = {"type": "object", "properties": {"x": {"type": "integer", "maximum": 9}}, "required": ["x"]}
                tool = {
                    "type": "function",
                    "function": {"name": "f", "parameters": wanted | {"additionalProperties": False}},
                }
                called = await said(client, facts, max_tokens=64, temperature=0, tools=[tool], tool_choice="required")
                assert called["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "f"
    assert len(pool.loaded) == len(FORMATTED), "one engine for each format"
    unknown = replace(bare, modelfile=Modelfile(template="{{ .Prompt }}"))
    assert not unknown.chats


def test_a_file_s_own_template_comes_before_any_format(starter: ModelFacts) -> None:
    facts = replace(starter, modelfile=Modelfile(template=LLAMA_3))
    assert facts.chats and facts.chat_format is None
