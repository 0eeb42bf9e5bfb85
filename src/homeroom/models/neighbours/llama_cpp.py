"""Models that llama.cpp fetched by itself (``llama-server -hf ORG/REPO``).

    ~/.cache/llama.cpp/ORG_REPO_FILE.gguf           with ``.json`` or ``.etag`` beside it
    ~/.cache/llama.cpp/manifest=ORG=REPO=TAG.json   which file of which repository a tag was

Since 2026 it uses the cache of huggingface_hub (``huggingface``), and a folder in ``LLAMA_CACHE`` is laid out like that.
Sources: ``common/common.cpp`` (fs_get_cache_directory) and ``common/hf-cache.cpp`` of llama.cpp; the flat layout by
``common/arg.cpp`` of 2024 and 2025.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from homeroom.models import labels
from homeroom.models.neighbours.huggingface import in_cache
from homeroom.models.neighbours.neighbour import Neighbour, chosen, models_in, read_json, user_home

_RESOLVED: Final = re.compile(r"/([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)/resolve/.+")
_MANIFEST: Final = re.compile(r"manifest=([A-Za-z0-9_.-]+)=([A-Za-z0-9_.-]+)=[^=]*\.json")
MOST_MANIFESTS: Final = 2000


def roots(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Its cache: ``LLAMA_CACHE``, else the system's place for caches."""
    given = chosen(environment, "LLAMA_CACHE")
    if given is not None:
        return (given,)
    if sys.platform == "win32":
        base = chosen(environment, "LOCALAPPDATA") or user_home(environment) / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = user_home(environment) / "Library" / "Caches"
    else:
        base = chosen(environment, "XDG_CACHE_HOME") or user_home(environment) / ".cache"
    return (base / "llama.cpp",)


def models(environment: Mapping[str, str]) -> Iterator[Neighbour]:
    """Every GGUF model of the cache: by its repository where that is known, else by its file."""
    for root in roots(environment):
        yield from in_cache(root, "llama.cpp", "llama.cpp", "hf")
        repositories = _repositories(root)
        for one in models_in(root):
            if one.path.parent != root:
                continue
            stem = one.name
            repository = _fetched_from(one.path) or next(
                (name for name in repositories if stem.startswith(f"{name.replace('/', '_')}_")), None
            )
            name, names = stem, {stem, one.path.name}
            if repository is not None:
                file = stem.removeprefix(f"{repository.replace('/', '_')}_")
                name = f"{repository}:{labels.read(file).quantization or file}"
                names |= {name, repository, f"hf:{name}", f"hf:{repository}"}
            aliases = frozenset(word.lower() for one in names for word in (one, f"llama.cpp:{one}"))
            yield Neighbour(f"llama.cpp:{name}", "llama.cpp", one.paths, one.bytes, aliases=aliases)


def _repositories(root: Path) -> list[str]:
    """The repositories that manifests in *root* name, longest first: one may begin like another."""
    try:
        names = sorted(path.name for path in root.glob("manifest=*.json"))[:MOST_MANIFESTS]
    except OSError:
        return []
    found = {f"{match[1]}/{match[2]}" for name in names if (match := _MANIFEST.fullmatch(name))}
    return sorted(found, key=lambda name: (-len(name), name))


def _fetched_from(path: Path) -> str | None:
    """The repository in the address that a file's ``.json`` notes."""
    try:
        noted = read_json(path.with_name(f"{path.name}.json"))
        match = _RESOLVED.fullmatch(urlsplit(noted["url"]).path)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return match[1] if match else None
