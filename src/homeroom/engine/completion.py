"""Streamed chunks of the engine (OpenAI dialect) gathered into one answer.

Pure. Knows the shapes of ``chat.completion.chunk`` and of a text completion's chunk; does not know HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

Chunk = dict[str, Any]


async def collect(chunks: AsyncIterator[Chunk]) -> Chunk:
    """The whole ``chat.completion`` (or ``text_completion``) that *chunks* would have been without streaming."""
    answer: Chunk = {}
    choices: dict[int, Chunk] = {}
    async for chunk in chunks:
        for choice in chunk.get("choices", ()):
            merge(choices.setdefault(choice.get("index", 0), {}), choice)
        for name, value in chunk.items():
            if name not in ("choices", "prompt_progress"):
                answer[name] = value
    chat = answer.get("object") == "chat.completion.chunk"
    if chat:
        answer["object"] = "chat.completion"
    return answer | {"choices": [_finished(choices[index], index, chat) for index in sorted(choices)]}


def merge(choice: Chunk, part: Chunk) -> None:
    """Add *part* of a streamed choice to *choice*: texts are joined, tool calls by index, logprobs appended."""
    if part.get("finish_reason"):
        choice["finish_reason"] = part["finish_reason"]
    if "text" in part:
        choice["text"] = choice.get("text", "") + (part["text"] or "")
    if part.get("logprobs"):
        kept = choice.setdefault("logprobs", {})
        for name, values in part["logprobs"].items():
            if values:
                kept.setdefault(name, []).extend(values)
    message = choice.setdefault("message", {})
    for name, value in part.get("delta", {}).items():
        if name == "tool_calls":
            for call in value:
                _merge_call(message.setdefault("tool_calls", {}), call)
        elif name == "role":
            message[name] = value
        elif value is not None:
            message[name] = message.get(name, "") + value


def _merge_call(calls: dict[int, Chunk], part: Chunk) -> None:
    call = calls.setdefault(part.get("index", 0), {"type": "function", "function": {"name": "", "arguments": ""}})
    if part.get("id"):
        call["id"] = part["id"]
    function = part.get("function", {})
    call["function"]["name"] += function.get("name") or ""
    call["function"]["arguments"] += function.get("arguments") or ""


def calls(choice: Chunk) -> list[Chunk]:
    """The tool calls that ``merge`` has gathered in *choice*, in order."""
    found: dict[int, Chunk] = choice.get("message", {}).get("tool_calls", {})
    return [found[number] for number in sorted(found)]


def _finished(choice: Chunk, index: int, chat: bool) -> Chunk:
    done: Chunk = {
        "index": index,
        "finish_reason": choice.get("finish_reason"),
        "logprobs": choice.get("logprobs"),
    }
    if not chat:
        return done | {"text": choice.get("text", "")}
    message = {"role": "assistant", "content": None} | choice["message"]
    asked = calls(choice)
    message.pop("tool_calls", None)
    if asked:
        message["tool_calls"] = asked
    elif message["content"] is None:
        message["content"] = ""
    return done | {"message": message}
