"""Ollama's words in the engine's (OpenAI's), and back. Pure functions of JSON.

Shapes from Ollama's ``api/types.go`` and ``docs/api.md`` (v0.33). Knows no model and no connection; what was understood and is
not followed is appended to the list *ignored*.
"""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from typing import Any, Final

from homeroom.engine import fields

Chunk = dict[str, Any]

ROLES: Final = ("system", "user", "assistant", "tool")
LEVELS: Final = ("low", "medium", "high", "max")
MOST_LOGPROBS: Final = 20


def schema(given: Any) -> Chunk | None:
    """The JSON schema that ``format`` asks for; ``"json"`` is any object, none is None."""
    if given in (None, ""):
        return None
    if given == "json" or given == {}:
        return {"type": "object"}
    if not isinstance(given, dict):
        raise fields.wrong("format", '"json" | a JSON schema')
    return dict(fields.schema("format", given))


def response_format(wanted: Chunk | None) -> Chunk:
    """*wanted* as a chat request's field; nothing where nothing is wanted."""
    if wanted is None:
        return {}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted}}}


def thinking(given: Any) -> bool | str | None:
    """``think``: true, false, a level, or None where it was not given."""
    if given is None or isinstance(given, bool) or given in LEVELS:
        return given  # type: ignore[no-any-return]
    raise fields.wrong("think", " | ".join(("true", "false", *LEVELS)))


def thinking_fields(think: bool | str | None, template: str, ignored: list[str]) -> Chunk:
    """How the chat template is told; what it has no switch for is noted in *ignored*."""
    if think is None:
        return {}
    asked: Chunk = {"enable_thinking": think is not False}
    if think is False and "enable_thinking" not in template:
        ignored.append("think")
    if isinstance(think, str):
        if "reasoning_effort" in template:
            asked["reasoning_effort"] = "high" if think == "max" else think
        else:
            ignored.append(f"think={think}")
    return {"chat_template_kwargs": asked}


def logprobs_fields(body: Chunk) -> Chunk:
    """``logprobs`` and ``top_logprobs`` as the engine's chat takes them; nothing where they were not asked for."""
    count = body.get("top_logprobs")
    top = 0 if count is None else fields.integer("top_logprobs", count, 0, MOST_LOGPROBS)
    if not fields.boolean("logprobs", body.get("logprobs")):
        return {}
    return {"logprobs": True, "top_logprobs": max(1, top)}  # with 0 the engine gives none at all


def messages(given: Any) -> list[Chunk]:
    """OpenAI's messages for Ollama's. A tool's result is tied to the call that it answers, by name where it has no id."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise fields.wrong("messages", "[{role, content}, ...]")
    waiting: list[tuple[str, str]] = []
    found: list[Chunk] = []
    for place, message in enumerate(given):
        where = f"messages[{place}]"
        if not isinstance(message, dict):
            raise fields.wrong(where, "{role, content}")
        role = fields.text(f"{where}.role", message.get("role")).lower()
        if role not in ROLES:
            raise fields.wrong(f"{where}.role", " | ".join(ROLES))
        said: Chunk = {"role": role, "content": fields.text(f"{where}.content", message.get("content"))}
        if role == "assistant":
            said |= _assistant(where, message, place, waiting)
        elif role == "tool":
            said["tool_call_id"] = _answered(where, message, waiting)
        found.append(said)
    return found


def _assistant(where: str, message: Chunk, place: int, waiting: list[tuple[str, str]]) -> Chunk:
    said: Chunk = {}
    if thought := fields.text(f"{where}.thinking", message.get("thinking")):
        said["reasoning_content"] = thought
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise fields.wrong(f"{where}.tool_calls", "[{function: {name, arguments}}, ...]")
    for number, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        arguments = function.get("arguments") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise fields.wrong(f"{where}.tool_calls", "[{function: {name, arguments}}, ...]")
        if arguments is not None and not isinstance(arguments, dict):
            raise fields.wrong(f"{where}.tool_calls.function.arguments", "an object")
        identity = fields.text(f"{where}.tool_calls.id", call.get("id")) or f"call_{place}_{number}"
        waiting.append((identity, function["name"]))
        asked = {"name": function["name"], "arguments": json.dumps(arguments or {}, ensure_ascii=False)}
        said.setdefault("tool_calls", []).append({"id": identity, "type": "function", "function": asked})
    return said


def _answered(where: str, message: Chunk, waiting: list[tuple[str, str]]) -> str:
    identity = fields.text(f"{where}.tool_call_id", message.get("tool_call_id"))
    name = fields.text(f"{where}.tool_name", message.get("tool_name"))
    for entry in waiting:
        if entry[0] == identity or (not identity and name in ("", entry[1])):
            waiting.remove(entry)
            return entry[0]
    return identity or "call"


def has_images(body: Chunk) -> bool:
    """Whether the request, or one of its messages, comes with images."""
    listed = body.get("messages")
    parts = [body, *(listed if isinstance(listed, list) else [])]
    return any(isinstance(part, dict) and part.get("images") for part in parts)


_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART: Final = r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)"


def keep_alive(given: Any) -> float | None:
    """Seconds that the model may idle: infinite for a negative value, None where nothing was given."""
    if given is None:
        return None
    if isinstance(given, int | float) and not isinstance(given, bool) and not math.isnan(given):
        return math.inf if given < 0 else float(min(given, 10**18))
    if isinstance(given, str):
        sign, amount = ("-", given[1:]) if given.startswith("-") else ("", given.removeprefix("+"))
        seconds = None
        if re.fullmatch(r"\d+(\.\d*)?", amount, re.ASCII):
            seconds = float(amount)
        elif re.fullmatch(f"(?:{_PART})+", amount, re.ASCII):
            seconds = sum(float(value) * _UNITS[unit] for value, unit in re.findall(_PART, amount))
        if seconds is not None:
            return math.inf if sign and seconds else seconds
    raise fields.wrong("keep_alive", '5 | "5m" | "1h30m" | 0 | -1')


def logprobs(given: Chunk | None, top: int) -> list[Chunk]:
    """Ollama's list for the engine's logprobs, with *top* alternatives each."""
    found = []
    for entry in (given or {}).get("content") or ():
        token = _token(entry)
        if top:
            token["top_logprobs"] = [_token(other) for other in entry.get("top_logprobs", ())[:top]]
        found.append(token)
    return found


def _token(entry: Chunk) -> Chunk:
    return {"token": entry["token"], "logprob": entry["logprob"], "bytes": entry.get("bytes")}


def tool_calls(calls: list[Chunk]) -> tuple[list[Chunk], str]:
    """Whole OpenAI tool calls in Ollama's shape, and the text of those that were cut off before their end."""
    whole: list[Chunk] = []
    cut = ""
    for call in calls:
        function = call["function"]
        try:
            arguments = json.loads(function["arguments"] or "{}")
        except ValueError:
            arguments = None
        if isinstance(arguments, dict):
            asked = {"index": len(whole), "name": function["name"], "arguments": arguments}
            whole.append({"id": call.get("id", ""), "function": asked})
        else:
            cut += f'{{"name": {json.dumps(function["name"])}, "arguments": {function["arguments"]}'
    return whole, cut


def metrics(last: Chunk, total: float, load: float) -> Chunk:
    """The figures of the ``done`` line: token counts, and durations in nanoseconds. *total* and *load* are seconds.

    ``prompt_eval_count`` is the whole prompt; its duration is shorter where a part was in the engine's cache.
    """
    usage, timings = last.get("usage", {}), last.get("timings", {})
    figures = {
        "total_duration": round(total * 1e9),
        "load_duration": round(load * 1e9),
        "prompt_eval_count": usage.get("prompt_tokens"),
        "prompt_eval_duration": _nanoseconds(timings.get("prompt_ms")),
        "eval_count": usage.get("completion_tokens"),
        "eval_duration": _nanoseconds(timings.get("predicted_ms")),
    }
    return {name: value for name, value in figures.items() if value is not None}


def _nanoseconds(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(milliseconds * 1e6)


def timestamp(when: datetime) -> str:
    """RFC 3339 in UTC, as Go writes it."""
    return when.isoformat().replace("+00:00", "Z")


def human_number(count: int) -> str:
    """``134.52M``, ``7.6B``: Ollama's own rounding (``format/format.go``)."""
    for unit, name, digits in ((1e9, "B", 1), (1e6, "M", 2), (1e3, "K", 0)):
        if count >= unit:
            value = count / unit
            return f"{value:.0f}{name}" if value.is_integer() else f"{value:.{digits}f}{name}"
    return str(count)
