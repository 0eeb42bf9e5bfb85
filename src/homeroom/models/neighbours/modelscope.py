"""Models in the cache of ModelScope's library.

    ~/.cache/modelscope/models/ORG--REPO/snapshots/REVISION/FILE    since 1.38 (modelscope_hub); whole files, no links
    ~/.cache/modelscope/hub/models/ORG/REPO/FILE                    before; a dot of REPO is ``___``
    ~/.cache/modelscope/hub/ORG/REPO/FILE                           and before that

``MODELSCOPE_CACHE`` moves the folder; what it names then holds ``models`` itself. A file that is not whole ends in
``.incomplete``, or lies in a hidden folder. Sources: ``_download.py`` (_find_legacy_repo_dir), ``_cache_manager.py`` and
``config.py`` of modelscope_hub 0.5; ``utils/file_utils.py`` of modelscope 1.40.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from homeroom.models.neighbours.huggingface import newest
from homeroom.models.neighbours.neighbour import Neighbour, chosen, folders_in, of_repository, user_home

_NOT_OWNERS: Final = ("hub", "models", "datasets", "studios", "mcps", "skills")


def roots(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The cache: ``MODELSCOPE_CACHE``, else ``~/.cache/modelscope``."""
    return (chosen(environment, "MODELSCOPE_CACHE") or user_home(environment) / ".cache" / "modelscope",)


def models(environment: Mapping[str, str]) -> Iterator[Neighbour]:
    """Every GGUF model of the cache, in whichever of its layouts."""
    for root in roots(environment):
        for place in (root / "models", root / "hub" / "models", root, root / "hub"):
            for owner in folders_in(place):
                if owner.name not in _NOT_OWNERS:
                    yield from _models(owner)


def _models(folder: Path) -> Iterator[Neighbour]:
    if "--" in folder.name:
        snapshot = newest(folders_in(folder / "snapshots"))
        if snapshot is not None:
            yield from of_repository("modelscope", "ms", folder.name.replace("--", "/", 1), snapshot)
        return
    for repository in folders_in(folder):
        name = f"{folder.name}/{repository.name.replace('___', '.')}"
        yield from of_repository("modelscope", "ms", name, repository)
