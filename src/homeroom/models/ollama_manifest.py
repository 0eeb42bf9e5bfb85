"""Manifests of Ollama models: which layers there are. The same from the registry (``hubs``) and on disk (``neighbours``).

Pure. Source: ``manifest/manifest.go`` and ``manifest/layer.go`` of ollama/ollama.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

_LAYER: Final = re.compile(r"application/vnd\.ollama\.image\.([a-z0-9_.-]{1,40})(?:;.*)?")
_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of a model. ``kind``: ``model`` (the GGUF), ``template``, ``params``, ``license``, ``system``, ``projector``,
    ``adapter``, ``tensor``..."""

    kind: str
    sha256: str
    size: int


def layers(manifest: Any) -> tuple[Layer, ...]:
    """The layers of a manifest, those of Ollama's own media types. Raises ValueError for what is no manifest."""
    listed = manifest.get("layers") if isinstance(manifest, dict) else None
    if not isinstance(listed, list):
        raise ValueError("layers")
    found: list[Layer] = []
    for layer in listed:
        media = layer.get("mediaType") if isinstance(layer, dict) else None
        kind = _LAYER.fullmatch(media) if isinstance(media, str) else None
        if kind is None:
            continue
        sha256, size = digest(layer.get("digest")), layer.get("size")
        if sha256 is None or not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 62:
            raise ValueError(kind[1])
        found.append(Layer(kind[1], sha256, size))
    return tuple(found)


def digest(written: object) -> str | None:
    """The 64 hex digits of ``sha256:HEX``; None for anything else, whatever it may be meant to lead to."""
    match = _DIGEST.fullmatch(written) if isinstance(written, str) else None
    return match[1] if match else None
