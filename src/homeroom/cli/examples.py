"""Examples that work when pasted: curl, the OpenAI client and the Ollama client, for what the model can do.

Pure. Knows the words of each client; does not know who shows them.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from homeroom.engine.choose import can_chat
from homeroom.models.facts import ModelFacts

QUESTION = "Why is the sky blue? Answer in one sentence."
BEGINNING = "The sky is blue because"


@dataclass(frozen=True, slots=True)
class Example:
    """``title`` is a message key; ``code`` is what is pasted, into a shell or into Python."""

    title: str
    code: str


@dataclass(frozen=True, slots=True)
class _Words:
    """One request in the words of each client."""

    path: str
    body: dict[str, Any]
    openai: str
    ollama: str


def examples(base_url: str, facts: ModelFacts, key: str | None) -> tuple[Example, ...]:
    """One for each client; *key* None means that it is taken from ``$HOMEROOM_KEY``."""
    words = _words(facts)
    value = "os.environ['HOMEROOM_KEY']" if key is None else repr(key)
    bearer = "'Bearer ' + os.environ['HOMEROOM_KEY']" if key is None else repr(f"Bearer {key}")
    first = "import os\n" if key is None else ""
    return (
        Example("cli.example.curl", _curl(base_url, words, key or "$HOMEROOM_KEY")),
        Example(
            "cli.example.openai",
            f"{first}from openai import OpenAI\n"
            f"client = OpenAI(base_url={base_url + '/v1'!r}, api_key={value})\n"
            f"print({words.openai})",
        ),
        Example(
            "cli.example.ollama",
            f"{first}from ollama import Client\n"
            f"client = Client(host={base_url!r}, headers={{'Authorization': {bearer}}})\n"
            f"print({words.ollama})",
        ),
    )


def _curl(base_url: str, words: _Words, key: str) -> str:
    return (
        f"curl {base_url}{words.path} \\\n"
        f'  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(json.dumps(words.body, ensure_ascii=False))}"
    )


def _words(facts: ModelFacts) -> _Words:
    name = repr(facts.name)
    if facts.embeds_only:
        return _Words(
            "/v1/embeddings",
            {"model": facts.name, "input": BEGINNING},
            f"client.embeddings.create(model={name}, input={BEGINNING!r}).data[0].embedding[:4]",
            f"client.embed(model={name}, input={BEGINNING!r}).embeddings[0][:4]",
        )
    if not can_chat(facts):
        return _Words(
            "/v1/completions",
            {"model": facts.name, "prompt": BEGINNING, "max_tokens": 32},
            f"client.completions.create(model={name}, prompt={BEGINNING!r}, max_tokens=32).choices[0].text",
            f"client.generate(model={name}, prompt={BEGINNING!r}, raw=True, options={{'num_predict': 32}}).response",
        )
    messages = [{"role": "user", "content": QUESTION}]
    return _Words(
        "/v1/chat/completions",
        {"model": facts.name, "messages": messages},
        f"client.chat.completions.create(model={name}, messages={messages!r}).choices[0].message.content",
        f"client.chat(model={name}, messages={messages!r}).message.content",
    )
