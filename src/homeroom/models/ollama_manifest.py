"""Manifests of Ollama models: which layers there are, and where Ollama keeps them on this machine.

Knows the layout of Ollama's own folder, which is read in place and never changed; does not know the registry (``hubs``).
Sources: ``server/internal/manifest`` and ``docs/faq`` of ollama/ollama ("Where are models stored?").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_LAYER: Final = re.compile(r"application/vnd\.ollama\.image\.([a-z0-9_.-]{1,40})(?:;.*)?")
_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")
_LARGEST: Final = 1 << 20
_SYSTEM_FOLDER: Final = Path("/usr/share/ollama/.ollama/models")
"""Of the service that Ollama's installer sets up on Linux."""


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
        digest, size = layer.get("digest"), layer.get("size")
        match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
        if match is None or not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 62:
            raise ValueError(kind[1])
        found.append(Layer(kind[1], match[1], size))
    return tuple(found)


def local_model(host: str, repository: str, tag: str, environment: Mapping[str, str]) -> tuple[Path, Layer] | None:
    """The GGUF of *repository* (``library/NAME``) that Ollama has here, whole; None where it has none.

    *host* is the registry that it came from. ``OLLAMA_MODELS`` moves Ollama's folder.
    """
    for folder in _folders(environment):
        try:
            path = folder / "manifests" / host / repository / tag
            if path.stat().st_size > _LARGEST:
                continue
            models = [layer for layer in layers(json.loads(path.read_bytes())) if layer.kind == "model"]
            if len(models) != 1:
                continue
            blob = folder / "blobs" / f"sha256-{models[0].sha256}"
            if blob.stat().st_size == models[0].size:
                return blob, models[0]
        except (
            OSError,
            ValueError,
            RecursionError,
        ):  # not there, not for us to read, or not finished: the registry knows
            continue
    return None


def _folders(environment: Mapping[str, str]) -> tuple[Path, ...]:
    given = environment.get("OLLAMA_MODELS", "")
    try:
        return (Path(given).expanduser(),) if given else (Path("~/.ollama/models").expanduser(), _SYSTEM_FOLDER)
    except RuntimeError:  # no home
        return (_SYSTEM_FOLDER,)
