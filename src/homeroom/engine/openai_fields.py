"""Which fields of OpenAI's requests go to the engine, and of what type each must be.

The engine has fields of its own (``top_k``, ``grammar``, ...), which pass too. What has no effect here is noted in
*ignored*; what would change the answer and cannot be done is refused. Knows no model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from homeroom.engine import fields
from homeroom.errors import NotSupported

Chunk = dict[str, Any]
Check = Callable[[str, Any], Any]

MOST_LOGPROBS: Final = 20


def _limit(name: str, value: Any) -> int | None:
    """A limit of tokens; -1, which llama.cpp's users write, is none."""
    return None if value == -1 else fields.integer(name, value, 1)


def _object(name: str, value: Any) -> Chunk:
    if not isinstance(value, dict):
        raise fields.wrong(name, "an object")
    return value


def _objects(name: str, value: Any) -> list[Chunk]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise fields.wrong(name, "a list of objects")
    return value


def _names(name: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise fields.wrong(name, "[name, ...]")
    return value


def _messages(name: str, value: Any) -> list[Chunk]:
    shape = "[{role, content}, ...]"
    if not isinstance(value, list) or not value:
        raise fields.wrong(name, shape)
    for place, message in enumerate(value):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise fields.wrong(f"{name}[{place}]", "{role, content}")
        content = message.get("content")
        parts = isinstance(content, list) and all(isinstance(part, dict) for part in content)
        if content is not None and not isinstance(content, str) and not parts:
            raise fields.wrong(f"{name}[{place}].content", "text | [{type, text}, ...]")
    return value


def _bias(name: str, value: Any) -> Chunk:
    biases = _object(name, value)
    for token, bias in biases.items():
        fields.integer(f"{name} token", int(token) if token.isdecimal() and len(token) < 10 else token, 0)
        fields.number(f"{name}[{token}]", bias, -100, 100)
    return biases


def _response_format(name: str, value: Any) -> Chunk:
    shape = '{"type": "text" | "json_object" | "json_schema", "json_schema": {"schema": {...}}}'
    if not isinstance(value, dict) or value.get("type") not in ("text", "json_object", "json_schema"):
        raise fields.wrong(name, shape)
    wanted = value.get("json_schema")
    if value["type"] == "json_schema" and not (isinstance(wanted, dict) and isinstance(wanted.get("schema"), dict)):
        raise fields.wrong(name, shape)
    if isinstance(wanted, dict) and "schema" in wanted:
        fields.schema(name, wanted["schema"])
    return value


def tools(name: str, value: Any) -> list[Chunk]:
    fields.schema(name, {"anyOf": _objects(name, value)})
    return list(value)


def _tool_choice(name: str, value: Any) -> Any:
    if value not in ("none", "auto", "required") and not isinstance(value, dict):
        raise fields.wrong(name, '"none" | "auto" | "required" | {"type": "function", "function": {"name": ...}}')
    return value


def _within(low: float, high: float) -> Check:
    return lambda name, value: fields.number(name, value, low, high)


_SAMPLING: Final[dict[str, Check]] = {
    "temperature": _within(0, 100),
    "top_p": _within(0, 1),
    "presence_penalty": fields.number,
    "frequency_penalty": fields.number,
    "seed": fields.seed,
    "stop": fields.texts,
    "max_tokens": _limit,
    "logit_bias": _bias,
    # The engine's own.
    "top_k": fields.integer,
    "min_p": _within(0, 1),
    "typical_p": _within(0, 1),
    "top_n_sigma": fields.number,
    "xtc_probability": _within(0, 1),
    "xtc_threshold": _within(0, 1),
    "dynatemp_range": fields.number,
    "dynatemp_exponent": fields.number,
    "repeat_penalty": _within(0, 100),
    "repeat_last_n": lambda name, value: fields.integer(name, value, -1),
    "dry_multiplier": fields.number,
    "dry_base": fields.number,
    "dry_allowed_length": fields.integer,
    "dry_penalty_last_n": lambda name, value: fields.integer(name, value, -1),
    "dry_sequence_breakers": _names,
    "mirostat": lambda name, value: fields.integer(name, value, 0, 2),
    "mirostat_tau": fields.number,
    "mirostat_eta": fields.number,
    "samplers": _names,
    "ignore_eos": fields.boolean,
    "grammar": fields.grammar,
    "json_schema": fields.schema,
    "cache_prompt": fields.boolean,
    "timings_per_token": fields.boolean,
}
_CHAT: Final[dict[str, Check]] = _SAMPLING | {
    "messages": _messages,
    "logprobs": fields.boolean,
    "top_logprobs": lambda name, value: fields.integer(name, value, 0, MOST_LOGPROBS),
    "response_format": _response_format,
    "tools": tools,
    "tool_choice": _tool_choice,
    "parallel_tool_calls": fields.boolean,
    "reasoning_effort": fields.text,
    "reasoning_format": lambda name, value: _one_of(name, value, "none", "auto", "deepseek", "deepseek-legacy"),
    "chat_template_kwargs": _object,
    "add_generation_prompt": fields.boolean,
}
_COMPLETION: Final[dict[str, Check]] = _SAMPLING | {
    "logprobs": lambda name, value: fields.integer(name, value, 0, MOST_LOGPROBS),
}
KNOWN: Final = tuple(sorted(_CHAT.keys() | _COMPLETION.keys() - {"messages"}))
"""Every field that has an effect."""
_HANDLED: Final = frozenset(
    ("model", "stream", "stream_options", "return_progress", "n", "max_completion_tokens", "prompt")
)
_NEUTRAL: Final[dict[str, tuple[Any, ...]]] = {
    "n": (None, 1),
    "echo": (None, False),
    "suffix": (None, ""),
    "best_of": (None, 1),
    "audio": (None,),
    "modalities": (None, ["text"]),
    "functions": (None, []),
    "function_call": (None, "none", "auto"),
    "web_search_options": (None,),
}
"""Fields that would change the answer and cannot be followed: only these values pass."""


def _one_of(name: str, value: Any, *allowed: str) -> Any:
    if value not in allowed:
        raise fields.wrong(name, " | ".join(allowed))
    return value


def chat(body: Chunk, ignored: list[str]) -> Chunk:
    """The engine's body for a chat request. Raises BadRequest, NotSupported."""
    asked = _checked({"messages": None} | body, _CHAT, ignored)
    if "messages" not in asked:
        raise fields.wrong("messages", "[{role, content}, ...]")
    if asked.get("top_logprobs") and not asked.get("logprobs"):
        raise fields.wrong("logprobs", "true, where top_logprobs is given")
    return asked


def completion(body: Chunk, ignored: list[str]) -> Chunk:
    """The engine's body for a completion, without its prompt. Raises BadRequest, NotSupported."""
    wanted = body.get("response_format")
    rest = {name: value for name, value in body.items() if name != "response_format"}
    asked = _checked(rest, _COMPLETION, ignored)
    # The engine reads response_format for chats only.
    if wanted is not None and _response_format("response_format", wanted)["type"] != "text":
        asked["json_schema"] = wanted["json_schema"]["schema"] if "json_schema" in wanted else {"type": "object"}
    return asked


def _checked(body: Chunk, checks: dict[str, Check], ignored: list[str]) -> Chunk:
    for name, allowed in _NEUTRAL.items():
        if body.get(name) not in allowed:
            raise NotSupported("engine.unsupported_field", param=name, field=name)
    fields.boolean("stream", body.get("stream"))
    fields.boolean("return_progress", body.get("return_progress"))
    options = body.get("stream_options")
    if options is not None:
        fields.boolean("stream_options.include_usage", _object("stream_options", options).get("include_usage"))
    asked: Chunk = {}
    for name, value in body.items():
        if value is None or name in _HANDLED or name in _NEUTRAL:
            continue
        if name in checks:
            asked[name] = checks[name](name, value)
        else:
            ignored.append(name)
    if body.get("max_completion_tokens") is not None:
        asked["max_tokens"] = _limit("max_completion_tokens", body["max_completion_tokens"])
    return {name: value for name, value in asked.items() if value is not None}
