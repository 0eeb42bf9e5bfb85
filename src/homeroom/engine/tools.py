"""Tool calls that are held to a grammar, never pretended.

The engine ignores ``tools`` where the template does not render them, and answers ``tool_choice: "required"`` with plain text
even where it does. Here the answer is constrained by JSON schema to ``{"reply": "..."}`` or
``{"tool": NAME, "arguments": {...}}`` and turned back into a reply or a tool call while it streams. Pure but for the chunks
that pass through.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

from homeroom.errors import BadRequest

Chunk = dict[str, Any]

_INSTRUCTION: Final = (
    "You can call these tools. To call one, answer with JSON only: "
    '{{"tool": NAME, "arguments": {{...}}}}. {otherwise}\n{tools}'
)
_HALF: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u[dD][89abAB][0-9a-fA-F]{2}$")
_OTHERWISE: Final = 'To answer without a tool: {"reply": "your answer"}.'


def constrain(body: Chunk) -> Chunk:
    """*body* of a chat request with its tools turned into a system prompt and a response format.

    For templates that know no tools. Raises BadRequest where ``tools`` or ``tool_choice`` is malformed, or a response format
    is asked for besides tools.
    """
    functions = _functions(body["tools"])
    must, only = _choice(body.get("tool_choice", "auto"), functions)
    _no_other_format(body)
    allowed = [function for function in functions if only in (None, function["name"])]
    schemas = [_call_schema("tool", function) for function in allowed]
    if not must:
        schemas.insert(0, _object({"reply": {"type": "string"}}))
    listing = "\n".join(json.dumps(function, ensure_ascii=False) for function in allowed)
    instruction = _INSTRUCTION.format(otherwise="" if must else _OTHERWISE, tools=listing)
    return without_tools(body) | {
        "messages": _with_instruction(_without_calls(body["messages"]), instruction),
        "response_format": _response_format(schemas, allowed),
    }


def require(body: Chunk) -> Chunk:
    """*body* with ``tool_choice`` "required", or one tool's name, held to by a response format.

    For templates that render tools: they are still shown, and the call is written the way such templates teach it. Raises as
    ``constrain`` does.
    """
    functions = _functions(body["tools"])
    _, only = _choice(body["tool_choice"], functions)
    _no_other_format(body)
    allowed = [function for function in functions if only in (None, function["name"])]
    kept = {name: value for name, value in body.items() if name not in ("tool_choice", "parallel_tool_calls")}
    schemas = [_call_schema("name", function) for function in allowed]
    return kept | {"response_format": _response_format(schemas, allowed)}


def _no_other_format(body: Chunk) -> None:
    wanted = body.get("response_format")
    plain = wanted is None or (isinstance(wanted, dict) and wanted.get("type") in (None, "text"))
    if not plain or body.get("grammar") or body.get("json_schema"):
        raise BadRequest("tools.with_format", param="response_format")


def _response_format(schemas: list[Chunk], functions: list[Chunk]) -> Chunk:
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    shared = {function["name"]: _parameters(function) for function in functions if _refers(_parameters(function))}
    if shared:
        schema = schema | {"$defs": {name: _moved(value, name) for name, value in shared.items()}}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def without_tools(body: Chunk) -> Chunk:
    """*body* for ``tool_choice: "none"``: the tools are not shown at all."""
    return {name: value for name, value in body.items() if name not in ("tools", "tool_choice", "parallel_tool_calls")}


async def restore(chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk]:
    """Turn the constrained JSON in *chunks* back into content deltas or one tool call."""
    reader = ReplyReader()
    written = ""
    async for chunk in chunks:
        choice = next(iter(chunk.get("choices", ())), None)
        if choice is None or "delta" not in choice:
            yield chunk
            continue
        delta = choice["delta"]
        text = delta.pop("content", None)
        if text:
            written += text
            reply = reader.feed(text)
            if reply:
                delta["content"] = reply
        elif "role" in delta:
            delta["content"] = None
        if choice.get("finish_reason"):
            call = None if reader.is_reply else _call(written)
            if call is not None:
                delta["tool_calls"] = [call]
                choice["finish_reason"] = "tool_calls"
            elif not reader.is_reply and written:
                delta["content"] = written  # cut off by max_tokens: what there is, with its own finish_reason
        if delta or choice.get("finish_reason"):
            yield chunk


class ReplyReader:
    """Reads ``{"reply": "..."}`` piece by piece and gives out the text of the reply as it grows."""

    def __init__(self) -> None:
        self._held = ""
        self._decided = False
        self._ended = False
        self.is_reply = False

    def feed(self, piece: str) -> str:
        """The part of the reply that became readable with *piece*; empty for a tool call."""
        if self._ended or (self._decided and not self.is_reply):
            return ""
        self._held += piece
        if not self._decided:
            self._decide()
        if not self.is_reply:
            return ""
        whole = _whole_escapes(self._held)
        self._ended = self._held[len(whole) : len(whole) + 1] == '"'
        if not self._ended and _HALF.search(whole):  # half of a surrogate pair: wait for the other
            whole = whole[:-6]
        self._held = self._held[len(whole) :]
        return _sound(str(json.loads(f'"{whole}"', strict=False)))

    def _decide(self) -> None:
        compact = self._held.lstrip().removeprefix("{").lstrip()
        if not compact.startswith('"reply"'[: len(compact)]):
            self._decided = True
        elif compact.startswith('"reply"'):
            after = compact[7:].lstrip()
            if after.startswith(":") and (value := after[1:].lstrip()):
                self._decided, self.is_reply = True, True
                self._held = value[1:]


def _sound(text: str) -> str:
    """*text* without halves of surrogate pairs, which no encoding can carry."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _whole_escapes(raw: str) -> str:
    """*raw* up to its closing quote, or up to the last escape that is complete."""
    position = 0
    while position < len(raw):
        if raw[position] == '"':
            return raw[:position]
        step = 1
        if raw[position] == "\\":
            step = 6 if raw[position + 1 : position + 2] == "u" else 2
            if position + step > len(raw):
                return raw[:position]
        position += step
    return raw


def _functions(tools: Any) -> list[Chunk]:
    if not isinstance(tools, list) or not tools:
        raise BadRequest("tools.malformed", param="tools")
    functions = []
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        named = isinstance(function, dict) and isinstance(function.get("name"), str)
        if not isinstance(function, dict) or not named or not isinstance(_parameters(function), dict):
            raise BadRequest("tools.malformed", param="tools")
        functions.append(function)
    return functions


def _choice(choice: Any, functions: list[Chunk]) -> tuple[bool, str | None]:
    """Whether a call is required, and the only tool allowed if one is named."""
    if choice in ("auto", None):
        return False, None
    if choice == "required":
        return True, None
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if name not in [function["name"] for function in functions]:
        raise BadRequest("tools.unknown_choice", param="tool_choice", choice=name or choice)
    return True, name


def _parameters(function: Chunk) -> Any:
    return function.get("parameters") or {"type": "object", "properties": {}}


def _call_schema(key: str, function: Chunk) -> Chunk:
    parameters = _parameters(function)
    if _refers(parameters):
        parameters = {"$ref": f"#/$defs/{_pointer(function['name'])}"}
    return _object({key: {"const": function["name"]}, "arguments": parameters})


def _refers(schema: Any) -> bool:
    """Whether *schema* points at a part of itself, which must then stand where the pointer finds it."""
    return '"$ref":' in json.dumps(schema)


def _moved(schema: Any, name: str) -> Any:
    """*schema* with its pointers into itself changed to where it stands now: ``#/$defs/NAME``."""
    if isinstance(schema, list):
        return [_moved(item, name) for item in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {key: _moved(value, name) for key, value in schema.items()}
    target = schema.get("$ref")
    if isinstance(target, str) and target.startswith("#"):
        moved["$ref"] = f"#/$defs/{_pointer(name)}{target[1:]}"
    return moved


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _object(properties: Chunk) -> Chunk:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _without_calls(messages: Any) -> list[Chunk]:
    """Earlier calls and their results as plain text, which is all that such a template can show."""
    if not isinstance(messages, list):
        raise BadRequest("tools.malformed", param="messages")
    plain: list[Chunk] = []
    for message in messages:
        if not isinstance(message, dict):
            raise BadRequest("tools.malformed", param="messages")
        if message.get("tool_calls"):
            calls = [_earlier(call) for call in _list(message["tool_calls"])]
            said = "\n".join(json.dumps(call, ensure_ascii=False) for call in calls)
            plain.append({"role": "assistant", "content": said})
        elif message.get("role") == "tool":
            plain.append({"role": "user", "content": f"Result of the tool: {message.get('content')}"})
        else:
            plain.append(message)
    return plain


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise BadRequest("tools.malformed", param="messages")
    return value


def _earlier(call: Any) -> Chunk:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise BadRequest("tools.malformed", param="messages")
    return {"tool": function["name"], "arguments": _value(function.get("arguments"))}


def _value(arguments: Any) -> Any:
    """Arguments as the model wrote them: an object, not a text that holds one."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _with_instruction(messages: list[Chunk], instruction: str) -> list[Chunk]:
    if messages and messages[0].get("role") == "system" and isinstance(messages[0].get("content"), str):
        first = messages[0] | {"content": f"{messages[0]['content']}\n\n{instruction}"}
        return [first, *messages[1:]]
    return [{"role": "system", "content": instruction}, *messages]


def _call(written: str) -> Chunk | None:
    try:
        call = json.loads(written)
    except ValueError:  # cut off before its end
        return None
    name = call["tool"] if "tool" in call else call["name"]
    return {
        "index": 0,
        "id": f"call_{uuid.uuid4().hex[:24]}",
        "type": "function",
        "function": {"name": name, "arguments": _sound(json.dumps(call["arguments"], ensure_ascii=False))},
    }
