"""Models in the cache of huggingface_hub, which transformers, vLLM, mlx-lm and newer llama.cpp share.

    hub/models--ORG--REPO/refs/main                    the commit that ``main`` was
    hub/models--ORG--REPO/snapshots/COMMIT/...         links into blobs (files where the system has no links)
    hub/models--ORG--REPO/blobs/SHA256                 what is whole; ``....incomplete`` what is not

Knows one snapshot of each repository: that of ``main``, else the newest. What is not whole has no link, so it is no model.
Sources: ``constants.py`` and ``file_download.py`` (hf_hub_download) of huggingface_hub 2.4; ``common/hf-cache.cpp`` of
llama.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from homeroom import kept
from homeroom.models.neighbours.neighbour import Keeper, Neighbour, chosen, folders_in, of_repository, user_home

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_REPOSITORY: Final = re.compile(r"models--([A-Za-z0-9_][A-Za-z0-9_.-]{0,95})")
MOST_REPOSITORIES: Final = 2000


def roots(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The cache: ``HF_HUB_CACHE``, ``HUGGINGFACE_HUB_CACHE``, ``HF_HOME``, ``XDG_CACHE_HOME``, ``~/.cache``, in this order."""
    given = chosen(environment, "HF_HUB_CACHE") or chosen(environment, "HUGGINGFACE_HUB_CACHE")
    if given is not None:
        return (given,)
    home = chosen(environment, "HF_HOME")
    if home is None:
        home = (chosen(environment, "XDG_CACHE_HOME") or user_home(environment) / ".cache") / "huggingface"
    return (home / "hub",)


def models(environment: Mapping[str, str]) -> Iterator[Neighbour]:
    """Every GGUF model of the cache."""
    for root in roots(environment):
        yield from in_cache(root, "huggingface", "hf")


def in_cache(root: Path, keeper: Keeper, prefix: str, *also: str) -> Iterator[Neighbour]:
    """Every GGUF model under *root*, a folder of that layout."""
    for number, folder in enumerate(folders_in(root)):
        if number == MOST_REPOSITORIES:
            return
        match = _REPOSITORY.fullmatch(folder.name)
        snapshot = _snapshot(folder) if match else None
        if match and snapshot is not None:
            repository = match[1].replace("--", "/")
            yield from of_repository(keeper, prefix, repository, snapshot, also=also, sha256=True)


def _snapshot(folder: Path) -> Path | None:
    try:
        commit = kept.read_bytes(folder / "refs" / "main", 100).decode("ascii", "replace").strip()
    except (OSError, ValueError):
        commit = ""
    if _COMMIT.fullmatch(commit) and (folder / "snapshots" / commit).is_dir():
        return folder / "snapshots" / commit
    return newest(folders_in(folder / "snapshots"))


def newest(folders: Iterator[Path]) -> Path | None:
    """That of *folders* which changed last; None where there is none."""
    dated: list[tuple[float, str, Path]] = []
    for folder in folders:
        try:
            dated.append((folder.stat().st_mtime, folder.name, folder))
        except OSError:
            continue
    return max(dated)[2] if dated else None
