"""What a model's Modelfile adds to a request: system prompt, example messages and parameters, where the request has none.

The one place where that happens, whoever asks: ``chat.prepare`` and ``chat.complete`` go through it. Pure.
"""

from __future__ import annotations

from typing import Any

from homeroom.engine import ollama_options
from homeroom.models.facts import ModelFacts
from homeroom.models.modelfile import Modelfile

Chunk = dict[str, Any]


def with_defaults(facts: ModelFacts, body: Chunk) -> Chunk:
    """*body* of a chat or completion request with what *facts*' Modelfile sets and the request does not.

    As Ollama does (``server/routes.go``), but that the example messages follow a system message of the request's own.
    """
    told = facts.modelfile
    if told is None:
        return body
    merged = ollama_options.defaults(told.parameters) | body
    if "messages" in body:
        merged["messages"] = _conversation(told, body["messages"])
    return merged


def _conversation(told: Modelfile, messages: list[Chunk]) -> list[Chunk]:
    own = [message for message in messages[:1] if message.get("role") in ("system", "developer")]
    system = own or ([{"role": "system", "content": told.system}] if told.system else [])
    examples = [{"role": role, "content": content} for role, content in told.messages]
    return [*system, *examples, *messages[len(own) :]]
