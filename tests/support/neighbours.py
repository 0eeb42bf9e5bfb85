"""Stores of other programs, laid out as those lay them out, with a real model inside.

Weights are hard links to the fixture's file where the file system has them, so that 100 MB are not copied for each.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
REGISTRY: Final = "registry.ollama.ai"
_digests: dict[tuple[Path, int], str] = {}


def place(source: Path, target: Path) -> Path:
    """*target* with the content of *source*: a hard link, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source.resolve())
    except OSError:
        shutil.copyfile(source, target)
    return target


def digest(path: Path) -> str:
    key = (path.resolve(), path.stat().st_size)
    if key not in _digests:
        with path.open("rb") as file:
            _digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _digests[key]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Of a user whose home is *home*, and who has told none of the programs anything."""
    return {"HOME": str(home), "USERPROFILE": str(home), **more}


# ---- Ollama


def ollama(
    folder: Path,
    name: str,
    model: Path | None,
    *,
    layers: Mapping[str, str | Sequence[str]] | None = None,
    host: str = REGISTRY,
    version: int = 1,
) -> Path:
    """*name* (``smollm2:135m``, ``me/mario:latest``) as ``ollama pull`` leaves it in *folder* (``.../models``), its GGUF
    being *model* and its other *layers* texts by their kind. With *version* 2 as Ollama 0.40 does. Returns the manifest."""
    found = [] if model is None else [_layer("model", _blob(folder, model), model.stat().st_size)]
    for kind, texts in (layers or {}).items():
        for text in [texts] if isinstance(texts, str) else texts:
            found.append(_layer(kind, _written(folder, text.encode()), len(text.encode())))
    config = _written(folder, json.dumps({"model_format": "gguf", "os": "linux"}).encode())
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": f"sha256:{config}",
            "size": 1,
        },
        "layers": found,
    }
    repository, _, tag = name.rpartition(":")
    repository = repository if "/" in repository else f"library/{repository}"
    if version == 2:
        return _version_2(folder, manifest, repository, tag)
    path = folder / "manifests" / host / repository / tag
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest))
    return path


def _version_2(folder: Path, manifest: dict[str, Any], repository: str, tag: str) -> Path:
    child = _written(folder, json.dumps(manifest | {"runner": "llamacpp", "format": "gguf"}).encode())
    references = [
        {"mediaType": manifest["mediaType"], "digest": f"sha256:{'a' * 64}", "runner": "mlx", "format": "safetensors"},
        {"mediaType": manifest["mediaType"], "digest": f"sha256:{child}", "runner": "llamacpp", "format": "gguf"},
    ]
    listed = {"schemaVersion": 2, "mediaType": "application/vnd.ollama.manifest.list.v2+json", "manifests": references}
    parent = _written(folder, json.dumps(listed).encode())
    path = folder / "manifests-v2" / "ollama.com" / repository / tag
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(Path("..", "..", "..", "..", "blobs", f"sha256-{parent}"))
    return path


def _layer(kind: str, sha256: str, size: int) -> dict[str, Any]:
    return {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": f"sha256:{sha256}", "size": size}


def _blob(folder: Path, source: Path) -> str:
    sha256 = digest(source)
    if not (folder / "blobs" / f"sha256-{sha256}").exists():
        place(source, folder / "blobs" / f"sha256-{sha256}")
    return sha256


def _written(folder: Path, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    blob = folder / "blobs" / f"sha256-{sha256}"
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(content)
    return sha256


# ---- the others


def lmstudio(home: Path, repository: str, file: str, model: Path) -> Path:
    """A model of LM Studio's, in the folder that it has since 0.3.6."""
    return place(model, home / ".lmstudio" / "models" / repository / file)


def huggingface(cache: Path, repository: str, file: str, model: Path, *, commit: str = COMMIT) -> Path:
    """A file as ``hf_hub_download`` leaves it in *cache* (``.../hub``): a link in a snapshot to a blob."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    blob = folder / "blobs" / digest(model)
    if not blob.exists():
        place(model, blob)
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text(commit)
    link = folder / "snapshots" / commit / file
    link.parent.mkdir(parents=True, exist_ok=True)
    up = [".."] * (len(Path(file).parts) + 1)
    link.symlink_to(Path(*up, "blobs", blob.name))
    return link


def llama_cpp(
    cache: Path, repository: str, file: str, model: Path, *, tag: str = "latest", noted: str = "json"
) -> Path:
    """A file as ``llama-server -hf`` left it in *cache* in 2024 (*noted* ``json``) and 2025 (``manifest``)."""
    path = place(model, cache / f"{repository.replace('/', '_')}_{file}")
    if noted == "json":
        url = f"https://huggingface.co/{repository}/resolve/main/{file}"
        path.with_name(f"{path.name}.json").write_text(json.dumps({"etag": '"x"', "lastModified": "", "url": url}))
    elif noted == "manifest":
        path.with_name(f"{path.name}.etag").write_text('"x"')
        named = f"manifest={repository.replace('/', '=')}={tag}.json"
        path.with_name(named).write_text(json.dumps({"ggufFile": {"rfilename": file}}))
    return path


def modelscope(cache: Path, repository: str, file: str, model: Path, *, version: int = 3) -> Path:
    """A file as modelscope leaves it in *cache* (``~/.cache/modelscope``): since 1.38 (3), before (2), long before (1)."""
    owner, _, name = repository.partition("/")
    folders = {
        3: Path("models", f"{owner}--{name}", "snapshots", "master"),
        2: Path("hub", "models", owner, name.replace(".", "___")),
        1: Path("hub", owner, name.replace(".", "___")),
    }
    return place(model, cache / folders[version] / file)
