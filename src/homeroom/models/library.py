"""Every model on this machine with its facts: the store's and the user's own folders.

Knows where models are and reads headers once; does not know machines or engines.
"""

from __future__ import annotations

from pathlib import Path

from homeroom.errors import BadModelFile
from homeroom.models import names
from homeroom.models.facts import ModelFacts
from homeroom.models.inspect import inspect
from homeroom.models.store import Store, folder_models
from homeroom.settings import Settings

_Stamp = tuple[int, int]


class Library:
    """Models by name. Headers are read when asked for and kept until the file changes."""

    def __init__(self, settings: Settings) -> None:
        self.store = Store(settings.models)
        self._folders = settings.model_folders
        self._known: dict[tuple[Path, str], tuple[_Stamp, ModelFacts]] = {}

    def find(self, name: str, *, paths: bool = True, use: bool = False) -> ModelFacts:
        """The facts of the model that *name* means; a path only with *paths*. With *use* the store notes that it is used
        now. Raises UnknownModel, AmbiguousModel, BadModelFile."""
        found = names.resolve(name, self.store, self._folders, paths=paths)
        facts = self._inspect(found.path, found.name, found.sha256)
        if use and found.sha256 is not None:
            self.store.touch_used(found.name)
        return facts

    def all(self) -> tuple[list[ModelFacts], list[BadModelFile]]:
        """Every model by name, and the error of each file that cannot be read."""
        facts: dict[str, ModelFacts] = {}
        broken: list[BadModelFile] = []
        stored = [(model.path, model.name, model.sha256) for model in self.store.all()]
        loose = [(model.path, model.name, None) for model in folder_models(self._folders)]
        for path, name, sha256 in (*stored, *loose):
            if name in facts:
                continue
            try:
                facts[name] = self._inspect(path, name, sha256)
            except BadModelFile as error:
                broken.append(error)
        return sorted(facts.values(), key=lambda model: model.name), broken

    def _inspect(self, path: Path, name: str, sha256: str | None) -> ModelFacts:
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
        except OSError:  # gone: inspect says so
            return inspect(path, name, sha256)
        kept = self._known.get((path, name))
        if kept is not None and kept[0] == stamp:
            return kept[1]
        facts = inspect(path, name, sha256)
        self._known[path, name] = (stamp, facts)
        return facts
