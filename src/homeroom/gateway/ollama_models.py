"""Models as rows of Ollama's ``tags``, ``show`` and ``ps``: facts from the header, nothing made up.

Pure but for a file's date. Knows no request.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from homeroom.engine.plan import Purpose
from homeroom.engine.pool import Loaded
from homeroom.gateway import ollama_translate as translate
from homeroom.models.facts import ModelFacts
from homeroom.models.modelfile import Modelfile

Chunk = dict[str, Any]


def purpose(facts: ModelFacts) -> Purpose:
    """What a model is loaded for where the request does not say."""
    return "embed" if facts.embeds_only else "generate"


def capabilities(facts: ModelFacts) -> list[str]:
    """What the model and its template support by themselves, in Ollama's words."""
    if facts.embeds_only:
        return ["embedding"]
    found = ["completion"]
    if facts.takes_tools:
        found.append("tools")
    if facts.thinks:
        found.append("thinking")
    return found


def row(facts: ModelFacts) -> Chunk:
    """One model of ``/api/tags``. ``digest`` is empty where the file is not in the store."""
    return {
        "name": facts.name,
        "model": facts.name,
        "modified_at": _modified(facts),
        "size": facts.file_bytes,
        "digest": facts.sha256 or "",
        "details": details(facts),
        "capabilities": capabilities(facts),
    }


def loaded_row(engine: Loaded, expires: datetime) -> Chunk:
    """One model of ``/api/ps``; ``size`` is the memory that its process holds."""
    return {
        "name": engine.facts.name,
        "model": engine.facts.name,
        "size": engine.child.resident(),
        "digest": engine.facts.sha256 or "",
        "details": details(engine.facts),
        "expires_at": translate.timestamp(expires),
        "size_vram": 0,
        "context_length": engine.plan.number("context"),
    }


def details(facts: ModelFacts) -> Chunk:
    """``details`` of a row."""
    return {
        "parent_model": facts.base or "",
        "format": "gguf",
        "family": facts.architecture,
        "families": [facts.architecture],
        "parameter_size": translate.human_number(facts.parameters),
        "quantization_level": facts.quantization,
        "context_length": facts.context_length,
        "embedding_length": facts.embedding_length,
    }


def shown(facts: ModelFacts) -> Chunk:
    """The answer of ``/api/show``: what its Modelfile says, where there is one, comes before what the header says."""
    told = facts.modelfile or Modelfile()
    answer: Chunk = {
        "license": told.licence or facts.license or "",
        "modelfile": told.written(facts.name),
        "parameters": "\n".join(told.parameter_lines()),
        "template": told.template or facts.chat_template or "",
        "details": details(facts),
        "model_info": model_info(facts),
        "capabilities": capabilities(facts),
        "modified_at": _modified(facts),
    }
    if told.system:
        answer["system"] = told.system
    if told.messages:
        answer["messages"] = [{"role": role, "content": content} for role, content in told.messages]
    return answer


def model_info(facts: ModelFacts) -> Chunk:
    """The header's facts under the header's own names."""
    name = facts.architecture
    attention = [layer for layer in facts.layers if layer.kv_heads]
    info: Chunk = {
        "general.architecture": name,
        "general.name": facts.title,
        "general.license": facts.license,
        "general.parameter_count": facts.parameters,
        f"{name}.block_count": len(facts.layers),
        f"{name}.context_length": facts.context_length,
        f"{name}.embedding_length": facts.embedding_length,
        f"{name}.vocab_size": facts.vocabulary,
        "tokenizer.ggml.model": facts.tokenizer,
    }
    if attention:
        info[f"{name}.attention.head_count_kv"] = _one_or_each([layer.kv_heads for layer in facts.layers])
        info[f"{name}.attention.key_length"] = _one_or_each([layer.key_length for layer in attention])
        info[f"{name}.attention.value_length"] = _one_or_each([layer.value_length for layer in attention])
        if window := max(layer.window for layer in attention):
            info[f"{name}.attention.sliding_window"] = window
    return {key: value for key, value in info.items() if value is not None}


def _one_or_each(values: list[int]) -> int | list[int]:
    return values[0] if len(set(values)) == 1 else values


def _modified(facts: ModelFacts) -> str:
    try:
        seconds = facts.path.stat().st_mtime
    except OSError:  # gone since its header was read
        seconds = 0.0
    return translate.timestamp(datetime.fromtimestamp(seconds, UTC))
