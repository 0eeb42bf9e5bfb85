"""LM Studio's models: ``PUBLISHER/REPO/FILE.gguf``, as they are called on Hugging Face.

    ~/.lmstudio-home-pointer            the path of LM Studio's folder, where it has been moved
    ~/.lmstudio/settings.json           ``downloadsFolder``: where the models are, where the user has moved them
    ~/.lmstudio/models, and ~/.cache/lm-studio/models of versions before 0.3.6

Sources: LM Studio's documentation ("Import models", the layout); the pointer and the setting as its own bug tracker and
public scripts have them (lmstudio-bug-tracker issues 406, 1601, 2015). Documentation-derived: the program is not open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from homeroom import kept
from homeroom.models.neighbours.neighbour import Neighbour, folders_in, of_repository, read_json, user_home


def roots(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Its folders of models, the one of its settings first."""
    home = user_home(environment)
    own = _pointed(home) or home / ".lmstudio"
    moved = _moved(own)
    found = (*((moved,) if moved else ()), own / "models", home / ".cache" / "lm-studio" / "models")
    return tuple(dict.fromkeys(found))


def models(environment: Mapping[str, str]) -> Iterator[Neighbour]:
    """Every GGUF model of LM Studio; a file that lies higher or belongs to no publisher is none for it either."""
    for root in roots(environment):
        for publisher in folders_in(root):
            for folder in folders_in(publisher):
                yield from of_repository("lmstudio", "lmstudio", f"{publisher.name}/{folder.name}", folder)


def _pointed(home: Path) -> Path | None:
    try:
        folder = Path(kept.read_bytes(home / ".lmstudio-home-pointer", 4096).decode().partition("\n")[0].strip())
        return folder if folder.is_absolute() and folder.is_dir() else None
    except (OSError, ValueError):
        return None


def _moved(own: Path) -> Path | None:
    try:
        settings = read_json(own / "settings.json")
        folder = Path(settings["downloadsFolder"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return folder if folder.is_absolute() else None
