"""What Ollama keeps beside a model's weights: system prompt, parameters, template, example messages, licence.

Knows the layers that a Modelfile becomes and bounds each of them, for whoever made the model wrote them; does not know
where they lie (``neighbours``, ``store``) nor what a request is (``engine/modelfile``). A template of Ollama's is a Go
template, which nothing here renders: it only tells which of the engine's own formats has the same marks.
Sources: ``docs/modelfile`` and ``server/images.go`` (GetModel, Model.String) of ollama/ollama; ``src/llama-chat.cpp``
(llm_chat_detect_template) of llama.cpp.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from homeroom.kept import read_bytes
from homeroom.models.gguf_reader import plain

LARGEST: Final = 1 << 20
"""Bytes of one layer; the longest licences in Ollama's library have some 20,000."""
LARGEST_ALL: Final = 4 << 20
"""Bytes of all layers together."""
MOST_LAYERS: Final = 64
MOST_PARAMETERS: Final = 64
MOST_STOPS: Final = 64
MOST_MESSAGES: Final = 256
LONGEST_VALUE: Final = 1000
ROLES: Final = ("system", "user", "assistant")
KINDS: Final = ("system", "template", "prompt", "params", "messages", "license")
"""Layers that are read here."""

_PARAMETER: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FORMATS: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = (
    ("phi4", ("<|im_start|>", "<|im_sep|>"), ()),
    ("chatml", ("<|im_start|>", "<|im_end|>"), ("<end_of_utterance>",)),
    ("llama3", ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), ()),
    ("llama2-sys", ("[INST]", "[/INST]", "<<SYS>>"), ()),
    ("mistral-v1", ("[INST]", "[/INST]"), ("[AVAILABLE_TOOLS]", "[SYSTEM_PROMPT]", "<<SYS>>")),
    ("gemma", ("<start_of_turn>", "<end_of_turn>"), ()),
    ("phi3", ("<|user|>", "<|assistant|>", "<|end|>"), ()),
    ("command-r", ("<|START_OF_TURN_TOKEN|>", "<|USER_TOKEN|>"), ()),
    ("vicuna", ("USER: ", "ASSISTANT:"), ("SYSTEM: ",)),
)
"""The engine's name of a format, the marks that its template has, and those that it has not. Only formats whose marks
mean no other: llama.cpp takes Zephyr's for Falcon's where it sees no Jinja."""


@dataclass(frozen=True, slots=True)
class Modelfile:
    """What a model's maker wants of those who run it. Nothing in it is to be believed, and all of it is bounded."""

    system: str | None = None
    template: str | None = None
    """Of Go's text/template; never rendered here."""
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """By Ollama's names: numbers, texts, lists of texts (``stop``)."""
    licence: str | None = None
    messages: tuple[tuple[str, str], ...] = ()
    """An example conversation, ``(role, content)``, which Ollama puts before each request's own."""

    @property
    def speaks(self) -> bool:
        """Whether it puts words into each conversation."""
        return bool(self.system or self.messages)

    @property
    def chat_format(self) -> str | None:
        """The engine's name of the built-in format with the marks of ``template``; None where no single one has them."""
        if self.template is None:
            return None
        for name, marks, others in _FORMATS:
            if all(mark in self.template for mark in marks) and not any(mark in self.template for mark in others):
                return name
        return None

    def parameter_lines(self) -> tuple[str, ...]:
        """``temperature                    0.6``: as ``ollama show`` writes parameters, one line a value."""
        return tuple(
            f"{name:<30} {json.dumps(one, ensure_ascii=False)}"
            for name, value in self.parameters.items()
            for one in (value if isinstance(value, list) else [value])
        )

    def written(self, model: str) -> str:
        """The Modelfile that would make such a model from *model*."""
        lines = [f"FROM {model}"]
        lines += [f'TEMPLATE """{self.template}"""'] if self.template else []
        lines += [f'SYSTEM """{self.system}"""'] if self.system else []
        for line in self.parameter_lines():
            name, _, value = line.partition(" ")
            lines.append(f"PARAMETER {name} {value.strip()}")
        lines += [f'MESSAGE {role} """{content}"""' for role, content in self.messages]
        lines += [f'LICENSE """{self.licence}"""'] if self.licence else []
        return "\n".join(lines) + "\n"


def read(layers: Iterable[tuple[str, Path]]) -> Modelfile | None:
    """The Modelfile whose layers are *layers*, each a kind (``system``, ``params``...) and its file; None where none says
    anything. Raises OSError, and ValueError for a layer that is too large or malformed."""
    texts: dict[str, list[str]] = {}
    wanted = [(kind, path) for kind, path in layers if kind in KINDS]
    if len(wanted) > MOST_LAYERS:
        raise ValueError(f"> {MOST_LAYERS}")
    left = LARGEST_ALL
    for kind, path in wanted:
        found = _text(path, min(LARGEST, left))
        left -= len(found)
        texts.setdefault(kind, []).append(found.decode("utf-8", "replace"))
    # "prompt" is what the template was called at first.
    template = next(iter(texts.get("template", []) + texts.get("prompt", [])), "")
    whole = Modelfile(
        system=_last(texts, "system"),
        template=template or None,
        parameters=_parameters(_last(texts, "params")),
        licence="\n".join(texts.get("license", [])) or None,
        messages=_messages(_last(texts, "messages")),
    )
    return None if whole == Modelfile() else whole


def _text(path: Path, most: int) -> bytes:
    """A layer is a file and no link: one that leads elsewhere would make words of what it leads to."""
    if path.is_symlink():
        raise ValueError(path.name)
    return read_bytes(path, most)


def _last(texts: Mapping[str, list[str]], kind: str) -> str | None:
    found = texts.get(kind, [""])[-1]
    return found if found.strip() else None


def _json(written: str, expected: type, what: str) -> Any:
    try:
        value = json.loads(written)
    except RecursionError:
        raise ValueError(what) from None
    if value is not None and not isinstance(value, expected):
        raise ValueError(what)
    return value


def _parameters(written: str | None) -> dict[str, Any]:
    given = _json(written, dict, "params") if written else None
    kept = {name: _value(value) for name, value in (given or {}).items() if _PARAMETER.fullmatch(name)}
    return dict([(name, value) for name, value in kept.items() if value is not None][:MOST_PARAMETERS])


def _value(value: Any) -> Any:
    """*value* where a parameter can have it, else None."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) < 1e300 and math.isfinite(value) else None
    if isinstance(value, str):
        return value if _sayable(value) else None
    if isinstance(value, list) and len(value) <= MOST_STOPS:
        return value if all(isinstance(one, str) and _sayable(one) for one in value) else None
    return None


def _sayable(value: str) -> bool:
    """Whether *value* is short, and text: JSON may hold half a character (a lone surrogate), which no request can."""
    return len(value) <= LONGEST_VALUE and value.encode("utf-8", "replace") == value.encode("utf-8", "surrogatepass")


def _messages(written: str | None) -> tuple[tuple[str, str], ...]:
    given = _json(written, list, "messages") if written else None
    found: list[tuple[str, str]] = []
    for one in given or []:
        role, content = (one.get("role"), one.get("content")) if isinstance(one, dict) else (None, None)
        if role not in ROLES or not isinstance(content, str) or len(found) == MOST_MESSAGES:
            raise ValueError("messages")
        found.append((role, content.encode("utf-8", "replace").decode()))
    return tuple(found)


def seen(text: str, longest: int = 200) -> str:
    """The first line of *text*, out of a file, as people may see it."""
    first, _, more = text.strip().partition("\n")
    return plain(first, longest) + ("\u2026" if more and len(first) <= longest else "")
