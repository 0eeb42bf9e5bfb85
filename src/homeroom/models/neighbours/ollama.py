"""Ollama's models: manifests, and the blobs that they name.

    models/manifests/HOST/NAMESPACE/NAME/TAG       a manifest: its layers by digest
    models/manifests-v2/HOST/NAMESPACE/NAME/TAG    since 0.40 the same as a link into blobs, or a list of manifests, one
                                                   for each runner; ``ollama.com`` is then the name of the public host
    models/blobs/sha256-HEX                        GGUF, template, system prompt, parameters, messages, licences

A digest is 64 hex digits and nothing else, so no manifest can name a file outside (CVE-2024-37032).
Sources: ``manifest/paths.go``, ``manifest/manifest.go``, ``server/images.go`` and ``docs/faq`` ("Where does Ollama store
models?") of ollama/ollama. Documentation-derived: tests lay such folders out after these, no Ollama ran.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from homeroom.errors import BadModelFile
from homeroom.models import modelfile
from homeroom.models.gguf_reader import reason
from homeroom.models.neighbours.neighbour import Neighbour, chosen, read_json, user_home
from homeroom.models.ollama_manifest import digest, layers

_SERVICE: Final = Path("/usr/share/ollama/.ollama/models")
"""Of the service that Ollama's installer sets up on Linux."""
_PUBLIC: Final = ("registry.ollama.ai", "ollama.com")
_HUB: Final = ("hf.co/", "huggingface.co/")
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HOST: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}")
_LIST: Final = "application/vnd.ollama.manifest.list.v2+json"
_RUNNERS: Final = ("llamacpp", "ggml", "ollama", "")
"""Whose manifest of a list is taken first: our engine is llama.cpp."""
MOST_MANIFESTS: Final = 2000


def roots(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Ollama's folders of models: ``OLLAMA_MODELS``, else the user's and that of the Linux service."""
    given = chosen(environment, "OLLAMA_MODELS")
    if given is not None:
        return (given,)
    own = user_home(environment) / ".ollama" / "models"
    return (own, _SERVICE) if sys.platform.startswith("linux") else (own,)


def models(environment: Mapping[str, str]) -> Iterator[Neighbour | BadModelFile]:
    """Every model with a GGUF of its own, by name; the error of each that cannot be used."""
    for root in roots(environment):
        found: dict[str, Neighbour | BadModelFile] = {}
        for place in ("manifests-v2", "manifests"):
            for name, path in _manifests(root / place):
                if not isinstance(found.get(name), Neighbour):
                    model = _model(root, name, path)
                    if model is not None:
                        found[name] = model
        yield from found.values()


def _manifests(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each manifest's file with its model's name as Ollama shows it: ``NAME:TAG``, ``NAMESPACE/NAME:TAG``, ``HOST/...``."""
    count = 0
    for host in _entries(folder, _HOST):
        for namespace in _entries(host, _PART):
            for name in _entries(namespace, _PART):
                for tag in _entries(name, _PART):
                    if _shadow(name.name, tag.name):
                        continue
                    yield _shown(host.name, namespace.name, name.name, tag.name), tag
                    count += 1
                    if count == MOST_MANIFESTS:
                        return


def _shadow(name: str, tag: str) -> bool:
    """Whether a name is one under which Ollama only keeps what it has converted from being swept (``llamacpp:HEX``)."""
    return name == "llamacpp" and digest(f"sha256:{tag}") is not None


def _entries(folder: Path, valid: re.Pattern[str]) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if valid.fullmatch(path.name))
    except OSError:  # not there, not for us to read, or no folder
        return []


def _shown(host: str, namespace: str, name: str, tag: str) -> str:
    if host.lower() not in _PUBLIC:
        return f"{host}/{namespace}/{name}:{tag}"
    return f"{name}:{tag}" if namespace == "library" else f"{namespace}/{name}:{tag}"


def _model(root: Path, name: str, path: Path) -> Neighbour | BadModelFile | None:
    """The model of one manifest; None where it has no GGUF, which is then no model for this engine."""
    try:
        found = layers(_manifest(root, path))
    except FileNotFoundError:  # a link to what was swept: Ollama then looks for the older manifest
        return None
    except (OSError, ValueError) as error:
        return BadModelFile("neighbours.bad_manifest", name=f"ollama:{name}", path=path, reason=reason(error))
    weights = [layer for layer in found if layer.kind == "model"]
    if not weights:
        return None
    if len(weights) > 1 or any(layer.kind == "adapter" for layer in found):
        return BadModelFile("neighbours.several_parts", name=f"ollama:{name}", path=path)
    blob = _blob(root, weights[0].sha256)
    try:
        if blob.stat().st_size != weights[0].size:
            return BadModelFile("neighbours.not_whole", name=f"ollama:{name}", path=blob)
        told = modelfile.read((layer.kind, _blob(root, layer.sha256)) for layer in found)
    except FileNotFoundError as error:
        return BadModelFile("neighbours.not_whole", name=f"ollama:{name}", path=error.filename)
    except (OSError, ValueError) as error:
        return BadModelFile("neighbours.bad_manifest", name=f"ollama:{name}", path=path, reason=reason(error))
    return Neighbour(f"ollama:{name}", "ollama", (blob,), weights[0].size, weights[0].sha256, told, _aliases(name))


def _aliases(name: str) -> frozenset[str]:
    names = {name}
    for host in _HUB:
        if name.lower().startswith(host):  # both are Hugging Face, for Ollama too
            names |= {f"{other}{name[len(host) :]}" for other in (*_HUB, "hf:")}
    names |= {one.removesuffix(":latest") for one in names}
    return frozenset(word.lower() for one in names for word in (one, f"ollama:{one}"))


def _manifest(root: Path, path: Path) -> Any:
    """The manifest at *path*, or that of a list which this engine can run. Raises OSError, ValueError."""
    manifest = read_json(path)
    if not isinstance(manifest, dict) or manifest.get("mediaType") != _LIST:
        return manifest
    listed = manifest.get("manifests")
    if not isinstance(listed, list) or not all(isinstance(child, dict) for child in listed):
        raise ValueError("manifests")
    fitting = [
        child for child in listed if child.get("format", "gguf") == "gguf" and child.get("runner", "") in _RUNNERS
    ]
    if not fitting:
        return {"layers": []}
    child = min(fitting, key=lambda one: _RUNNERS.index(one.get("runner", "")))
    if "layers" in child:
        return child
    sha256 = digest(child.get("digest"))
    if sha256 is None:
        raise ValueError("digest")
    return read_json(_blob(root, sha256))


def _blob(root: Path, sha256: str) -> Path:
    return root / "blobs" / f"sha256-{sha256}"
