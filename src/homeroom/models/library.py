"""Every model on this machine with its facts: the store's, other programs' and the user's own folders. And a look at
those elsewhere.

Knows where models are and reads headers once; does not know machines or engines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from homeroom import text
from homeroom.errors import BadModelFile, UnknownModel
from homeroom.models import names
from homeroom.models.facts import ModelFacts
from homeroom.models.gguf import Header, read_header
from homeroom.models.inspect import facts_from, inspect
from homeroom.models.neighbours import Survey, survey
from homeroom.models.store import Store, by_name
from homeroom.models.store.stamps import Stamps
from homeroom.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

    from homeroom.models.catalogue import Entry
    from homeroom.models.http import Network
    from homeroom.models.hub_names import Reference
    from homeroom.models.hubs import SafetensorsRepository

_Stamp = tuple[int, int]
_BELIEVED: Final = 20
"""A survey of other stores is believed for this many times as long as it took: it takes a twentieth of a busy gateway's time."""
_UNKNOWN: Final = frozenset({"models.known_only", "models.unknown", "models.unknown_but", "models.not_pulled"})


@dataclass(frozen=True, slots=True)
class Looked:
    """A model of any origin, for looking: its facts, and the headers that they come from."""

    facts: ModelFacts
    """Without ``paths`` where the model is not on this machine."""
    headers: tuple[Header, ...]
    """One a shard, in order: read, or written from a configuration for a model that has no GGUF."""
    origin: str
    """``store``, ``file``, ``url``, ``hf``, ``ms``, ``ollama``, ``catalogue``, or whose store it is in (``lmstudio``...)."""
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

    def __init__(self, settings: Settings, environment: Mapping[str, str] | None = None) -> None:
        self.store = Store(settings.models)
        self._settings = settings
        self._environment = environment
        self._facts: dict[tuple[Path, str], tuple[_Stamp, ModelFacts]] = {}
        self._stamps = Stamps(self.store.folder / "used" / "others")
        self._survey = Survey()
        self._surveyed = (0.0, 0.0)

    def resolve(self, name: str, *, paths: bool = True) -> names.Resolved:
        """The file on this machine that *name* means; no file of a model is opened. Raises as ``names.resolve``."""
        return names.resolve(name, self.store, lambda: self._neighbours().models, paths=paths)

    def known(self) -> list[str]:
        """The names that ``all`` would list, sound or not; no file of a model is opened."""
        stored = [model.name for model in self.store.all()]
        return list(dict.fromkeys([*stored, *(one.name for one in self._neighbours().models)]))

    def find(self, name: str, *, paths: bool = True, use: bool = False) -> ModelFacts:
        """The facts of the model that *name* means; a path only with *paths*. With *use* the store notes that it is used
        now. Raises UnknownModel, AmbiguousModel, BadModelFile."""
        found = self.resolve(name, paths=paths)
        facts = self._inspect(found)
        if use and found.keeper == names.HOMEROOM:
            self.store.touch_used(found.name)
        elif use and found.keeper:
            self._stamps.touch(found.name)
        return facts

    def last_used(self, facts: ModelFacts) -> datetime | None:
        """When *facts* was last found for use; UTC. None where it never was, or is no model with a name."""
        if facts.keeper != names.HOMEROOM:
            return self._stamps.when(facts.name) if facts.keeper else None
        stored = self.store.get(facts.name)
        return stored.last_used if stored else None

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
            found = self.resolve(name, paths=paths)
        except UnknownModel as error:
            if error.key == "models.not_yet":
                return await self._elsewhere(name, network, environment, progress)
            looked = _in_catalogue(name) if error.key in _UNKNOWN else None
            if looked is None:
                raise _unknown(error) from None
            return looked
        facts = self._inspect(found)
        headers = tuple(read_header(path) for path in facts.paths)
        origin = {names.HOMEROOM: "store", "": "file"}.get(found.keeper, found.keeper)
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
        """Every model by name, and the error of each that cannot be read."""
        facts: dict[str, ModelFacts] = {}
        found = self._neighbours(anew=True)
        broken = list(found.broken)
        stored = {model.name.lower(): model for model in self.store.all()}
        others = [one for one in found.models if one.name.lower() not in stored]
        makers: list[Callable[[], names.Resolved]] = [
            partial(names.of_stored, one, self.store) for one in stored.values()
        ]
        makers += [partial(names.of_neighbour, one) for one in others]
        for make in makers:
            try:
                one = self._inspect(make())
            except BadModelFile as error:
                broken.append(error)
            else:
                facts[one.name] = one
        return sorted(facts.values(), key=lambda model: by_name(model.name)), broken

    def _neighbours(self, *, anew: bool = False) -> Survey:
        made, took = self._surveyed
        begun = time.monotonic()
        if anew or begun > made + _BELIEVED * took:
            self._survey = survey(self._settings, self._environment)
            self._surveyed = (time.monotonic(), time.monotonic() - begun)
        return self._survey

    def _inspect(self, found: names.Resolved) -> ModelFacts:
        try:
            status = found.path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
        except OSError:  # gone: inspect says so
            stamp = (0, -1)
        kept = self._facts.get((found.path, found.name))
        if kept is None or kept[0] != stamp:
            kept = self._facts[found.path, found.name] = stamp, inspect(found.path, found.name, found.sha256)
        facts = kept[1]
        if (facts.keeper, facts.modelfile) != (found.keeper, found.modelfile):
            facts = replace(facts, keeper=found.keeper, modelfile=found.modelfile)
            self._facts[found.path, found.name] = stamp, facts
        return facts


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
