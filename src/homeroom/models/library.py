"""Every model on this machine with its facts: the store's and the user's own folders. And a look at those elsewhere.

Knows where models are and reads headers once; does not know machines or engines.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from homeroom import text
from homeroom.errors import BadModelFile, UnknownModel
from homeroom.models import names
from homeroom.models.facts import ModelFacts
from homeroom.models.gguf import Header, read_header
from homeroom.models.inspect import facts_from, inspect
from homeroom.models.store import Store, folder_models
from homeroom.settings import Settings

if TYPE_CHECKING:
    from homeroom.models.catalogue import Entry
    from homeroom.models.http import Network
    from homeroom.models.hub_names import Endpoints, Reference
    from homeroom.models.hubs import SafetensorsRepository

_Stamp = tuple[int, int]
Origin = Literal["store", "file", "folder", "url", "hf", "ms", "ollama", "catalogue"]
_UNKNOWN: Final = frozenset({"models.known_only", "models.unknown", "models.unknown_but", "models.not_pulled"})


@dataclass(frozen=True, slots=True)
class Looked:
    """A model of any origin, for looking: its facts, and the headers that they come from."""

    facts: ModelFacts
    """Without ``paths`` where the model is not on this machine."""
    headers: tuple[Header, ...]
    """One a shard, in order: read, or written from a configuration for a model that has no GGUF."""
    origin: Origin
    source: str
    """Where it is, as the user may see it: a path, ``hf:ORG/REPO:Q4_K_M``, an address without its secrets."""
    traffic_bytes: int = 0
    notes: tuple[str, ...] = ()
    """What was chosen for the user, in the current language."""
    entry: Entry | None = None
    """The catalogue's, where the name is one of the catalogue."""
    safetensors: SafetensorsRepository | None = None
    """The repository, where it has no GGUF: then ``facts`` are those of a GGUF that could be made of it."""


class Library:
    """Models by name. Headers are read when asked for and kept until the file changes."""

    def __init__(self, settings: Settings) -> None:
        self.store = Store(settings.models)
        self._settings = settings
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

    async def look(
        self,
        name: str,
        *,
        paths: bool = True,
        network: Network | None = None,
        environment: Mapping[str, str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Looked:
        """What *name* means, in every form of a MODEL; of one that is elsewhere only a header travels.

        A stored name comes first, then what is elsewhere by its form (``hf:``, ``ms:``, ``ollama:``, ``http(s)://``), a
        path, a file in a folder, and last the catalogue. *network* and *environment* are by default pip's configuration
        and this process's own; *progress* is told the bytes so far.

        Raises UnknownModel and AmbiguousModel (with the choices), BadModelFile, SourceFailure, NetworkFailure.
        """
        try:
            found = names.resolve(name, self.store, self._folders, paths=paths)
        except UnknownModel as error:
            if error.key == "models.not_yet":
                return await self._elsewhere(name, network, environment, progress)
            looked = _in_catalogue(name) if error.key in _UNKNOWN else None
            if looked is None:
                raise _unknown(error) from None
            return looked
        facts = self._inspect(found.path, found.name, found.sha256)
        headers = tuple(read_header(path) for path in facts.paths)
        stored = found.sha256 is not None
        origin: Origin = "store" if stored else "file" if paths and names.is_a_path(name) else "folder"
        return Looked(facts, headers, origin, str(found.path))

    async def _elsewhere(
        self,
        name: str,
        network: Network | None,
        environment: Mapping[str, str] | None,
        progress: Callable[[int], None] | None,
    ) -> Looked:
        from homeroom.models import hub_names, hubs, package_index, remote
        from homeroom.models.http import Client

        reference = hub_names.parse(name)
        assert reference is not None  # names.resolve says that it is one
        settings = self._settings
        ends = hub_names.endpoints(
            settings.hf_endpoint, settings.modelscope_endpoint, settings.ollama_registry, environment
        )
        if (here := _in_ollama(reference, ends, environment)) is not None:
            return here
        network = network or package_index.configuration(settings.index_url, environment).network
        traffic = remote.Traffic(progress=progress)
        async with Client(network) as client:
            found = await hubs.find(client, reference, ends, traffic=traffic)
            if found.safetensors is not None:
                return _convertible(found.safetensors, reference, traffic.spent)
            facts, header = await remote.inspect_remote(client, found.files, found.source, traffic=traffic)
        notes = (found.note,) if found.note else ()
        return Looked(facts, header.headers, reference.hub, found.source, traffic.spent, notes)

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


def _in_ollama(reference: Reference, ends: Endpoints, environment: Mapping[str, str] | None) -> Looked | None:
    """The model that Ollama has pulled on this machine already, read where it is."""
    from homeroom.models.ollama_manifest import local_model

    if reference.hub != "ollama":
        return None
    tag = reference.choice or "latest"
    host = urlsplit(ends.ollama).netloc
    found = local_model(host, reference.repository, tag, os.environ if environment is None else environment)
    if found is None:
        return None
    path, layer = found
    header = read_header(path)
    name = reference.shown if reference.choice else f"{reference.shown}:{tag}"
    facts = facts_from((header,), (path,), name=name, paths=(path,), sha256=layer.sha256)
    return Looked(facts, (header,), "ollama", str(path))


def _in_catalogue(name: str) -> Looked | None:
    """What the catalogue knows by *name*. Raises UsageError for a quantization that does not exist."""
    from homeroom.models import catalogue

    found = catalogue.resolve(name)
    if found is None:
        return None
    entry, wanted = found.entry, found.quantization if found.asked else None
    label = name.strip() if found.asked else entry.name
    headers = entry.headers(wanted)
    return Looked(
        facts=facts_from(headers, (label,), name=label),
        headers=headers,
        origin="catalogue",
        source=entry.repository,
        entry=entry,
    )


def _unknown(error: UnknownModel) -> UnknownModel:
    """*error* with the names of the catalogue that are spelled alike; as it is where there are none."""
    from homeroom.models import catalogue

    model, here = str(error.facts.get("model", "")), str(error.facts.get("close", ""))
    near = catalogue.close(model) if error.key in ("models.unknown", "models.unknown_but") else ()
    if not near:
        return error
    close = ", ".join(dict.fromkeys(filter(None, (*here.split(", "), *near))))
    return UnknownModel("catalogue.unknown_but", model=model, close=close)


def _convertible(repository: SafetensorsRepository, reference: Reference, traffic: int) -> Looked:
    """The GGUF that llama.cpp would make of *repository*: in the quantization that *reference* asks for, else the usual.

    Raises BadModelFile for a configuration that it would not convert, UsageError for a quantization that it does not know.
    """
    from homeroom.models import hubs, safetensors

    quantization = reference.choice.upper() or hubs.PREFERRED
    source = f"{repository.source}: config.json"
    converted = safetensors.convert(repository.config, repository.index, source)
    title = reference.repository.rpartition("/")[2]
    header = safetensors.header(converted, quantization, name=title, general={"general.name": title})
    facts = facts_from((header,), (source,), name=repository.source)
    counts = {"published": text.count(converted.published or 0), "computed": text.count(facts.parameters)}
    notes = [text.t("hubs.converted", quantization=quantization), *(text.t(key, **counts) for key in converted.notes)]
    return Looked(facts, (header,), reference.hub, repository.source, traffic, tuple(notes), safetensors=repository)
