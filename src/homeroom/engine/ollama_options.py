"""Ollama's options in the engine's words: those of a request, and those that a model's Modelfile sets.

Shapes from Ollama's ``api/types.go`` (v0.33). Pure. Knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from homeroom.engine import fields
from homeroom.errors import BadRequest

Chunk = dict[str, Any]

OPTIONS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "temperature": lambda name, value: fields.number(name, value, 0),
    "top_k": fields.integer,
    "top_p": lambda name, value: fields.number(name, value, 0, 1),
    "min_p": lambda name, value: fields.number(name, value, 0, 1),
    "typical_p": lambda name, value: fields.number(name, value, 0, 1),
    "seed": fields.seed,
    "stop": fields.texts,
    "num_predict": lambda name, value: fields.integer(name, value, -2),
    "repeat_penalty": lambda name, value: fields.number(name, value, 0),
    "repeat_last_n": lambda name, value: fields.integer(name, value, -1),
    "presence_penalty": fields.number,
    "frequency_penalty": fields.number,
    "mirostat": lambda name, value: fields.integer(name, value, 0, 2),
    "mirostat_tau": lambda name, value: fields.number(name, value, 0),
    "mirostat_eta": lambda name, value: fields.number(name, value, 0),
}
"""Options that shape one answer; by the same name in the engine, but for ``num_predict``."""
# How a model is loaded is its owner's choice, not each caller's.
_LOAD_OPTIONS: Final = (
    *("num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap", "use_mlock", "numa", "low_vram"),
    *("f16_kv", "logits_all", "vocab_only", "embedding_only", "draft_num_predict"),
)
# Nothing is ever shifted out of the context, so nothing can be kept in it; the others are gone from Ollama too.
_WITHOUT_EFFECT: Final = ("num_keep", "tfs_z", "penalize_newline")
NOT_FOLLOWED: Final = frozenset((*_LOAD_OPTIONS, *_WITHOUT_EFFECT))


def options(given: Any, ignored: list[str]) -> Chunk:
    """The engine's fields for ``options``. Raises BadRequest for an unknown option or a value it cannot have."""
    if given is not None and not isinstance(given, dict):
        raise fields.wrong("options", "{name: value, ...}")
    asked: Chunk = {}
    for name, value in (given or {}).items():
        if name in NOT_FOLLOWED:
            ignored.append(name)
        elif name not in OPTIONS:
            known = ", ".join(sorted({*OPTIONS, *NOT_FOLLOWED}))
            raise BadRequest("ollama.unknown_option", param=f"options.{name}", name=name, known=known)
        elif value is not None:
            asked[name] = OPTIONS[name](f"options.{name}", value)
    limit = asked.pop("num_predict", None)
    if limit == 0:
        raise fields.wrong("options.num_predict", "1 or more, -1 or -2 (no limit)")
    if limit is not None:
        asked["max_tokens"] = max(
            limit, -1
        )  # the engine's word for no limit, which is not to be one of the model's own
    return {name: value for name, value in asked.items() if value is not None}


def defaults(parameters: Mapping[str, Any]) -> Chunk:
    """The engine's fields for *parameters* of a Modelfile: what can be followed of them, and nothing else."""
    found: Chunk = {}
    for name, value in parameters.items():
        try:
            found |= options({name: value}, [])
        except BadRequest:  # its maker's mistake, for which no caller is to answer
            continue
    return found


def followed(name: str, value: Any) -> bool:
    """Whether a parameter of a Modelfile has an effect here."""
    return bool(defaults({name: value}))
