"""The models that people run: names, lineage, grades, shapes, and their sizes in each quantization, from one data file.

Knows what ``data/catalogue.json`` says; it is made from ``catalogue/*.toml`` by ``make catalogue``, each entry with source
and date. Offline; does not know this machine nor what is stored on it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from homeroom.errors import AmbiguousModel, NotSupported
from homeroom.models.facts import Layer, LayerWeights, ModelFacts, Scratch, Weights

if TYPE_CHECKING:
    from homeroom.models.config import Converted
    from homeroom.models.gguf import Header, Value

FORMAT: Final = 1
_FIRST: Final = 48
"""The character that stands for the first kind of a layer in a pattern: ``0``."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of the catalogue. None or empty is what is not known for certain."""

    name: str
    """As users type it: ``deepseek-r1:7b``."""
    aliases: tuple[str, ...]
    title: str
    """The model's own name: ``DeepSeek-R1-Distill-Qwen-7B``."""
    repository: str
    publisher: str
    released: str | None
    """``2025-01-20``, or less of it."""
    licence: str | None
    kind: str
    """``chat``, ``reasoning``, ``code``, ``embedding``, ``vision-language``..."""
    teacher: str | None
    base: str | None
    grades: Mapping[str, float]
    """Published results by the name of the benchmark."""
    grades_source: str | None
    note: str | None
    sizes: Mapping[str, int]
    """Bytes of published GGUF files by quantization, as rounded where they were read."""
    architecture: str
    metadata: Mapping[str, Value]
    """GGUF metadata as the converter writes it, without the tokenizer's lists."""
    tied: bool
    extras: frozenset[str]
    parameters: int
    active_parameters: int
    context_length: int
    default_quantization: str
    sources: tuple[str, ...]
    date: str
    """When the sources were read."""
    checked: str | None
    """What was compared with a second source."""
    _shape: Mapping[str, Any] = field(repr=False, compare=False)
    _digests: Mapping[str, str] = field(repr=False, compare=False)

    @property
    def quantizations(self) -> tuple[str, ...]:
        """Quantizations that ``summary`` has, largest first."""
        return tuple(self._digests)

    @property
    def thinks(self) -> bool:
        """Whether the model reasons before it answers."""
        return self.kind == "reasoning"

    def weights(self, quantization: str | None = None) -> Weights:
        """Where the bytes are in *quantization* (the usual one without). Raises NotSupported as ``summary``."""
        return _weights(self._digest(quantization or self.default_quantization))

    def summary(self, quantization: str | None = None, name: str | None = None) -> ModelFacts:
        """The facts in *quantization* (the usual one without), in microseconds: what ``facts`` gives, ready made.

        Raises NotSupported for a quantization that was not prepared or that the model cannot have.
        """
        label = quantization or self.default_quantization
        digest, shape = self._digest(label), self._shape
        tensor_bytes = int(digest[0])
        layers = _layers(self.name, tuple(map(tuple, shape["layers"])), shape["pattern"])
        return ModelFacts(
            name=name or self.name,
            paths=(),
            sha256=None,
            architecture=self.architecture,
            title=self.title,
            parameters=shape["parameters"],
            file_bytes=int(digest[1]),
            tensor_bytes=tensor_bytes,
            quantization=label,
            bits_per_weight=tensor_bytes * 8 / shape["parameters"],
            context_length=self.context_length,
            embedding_length=shape["embedding"],
            vocabulary=shape["vocabulary"],
            layers=layers,
            chat_template=None,
            pooling=shape["pooling"],
            license=self.licence,
            base=self.base,
            tokenizer=None,
            weights=_weights(digest),
            active_parameters=self.active_parameters,
            experts=shape["experts"],
            experts_used=shape["used"],
            scratch=_scratch(self, layers),
        )

    def facts(self, quantization: str | None = None, name: str | None = None) -> ModelFacts:
        """The facts in any quantization that llama.cpp knows, from the header that the engine would read (some ms).

        Raises UsageError for a quantization that is not known, NotSupported where the quantizer would refuse.
        """
        from homeroom.models.inspect import facts_from

        name = name or self.name
        return facts_from(self.headers(quantization), (name,), name=name)

    def headers(self, quantization: str | None = None) -> tuple[Header, ...]:
        """The header that the file would have: for the engine's dry run. Raises as ``facts``."""
        from homeroom.models.safetensors import header

        general: dict[str, Value] = {"general.architecture": self.architecture, "general.name": self.title}
        if self.licence:
            general["general.license"] = self.licence
        if self.base:
            general |= {"general.base_model.count": 1, "general.base_model.0.name": self.base}
        label = quantization or self.default_quantization
        return (header(self.converted(), label, name=self.name, general=general),)

    def row(self) -> dict[str, Any]:
        """What the catalogue says of the model, for JSON: sizes in bytes, nothing that is not known."""
        said: dict[str, Any] = {
            "name": self.name,
            "aliases": list(self.aliases),
            "title": self.title,
            "repository": self.repository,
            "publisher": self.publisher,
            "released": self.released,
            "licence": self.licence,
            "kind": self.kind,
            "teacher": self.teacher,
            "base": self.base,
            "parameters": self.parameters,
            "active_parameters": self.active_parameters,
            "context_length": self.context_length,
            "default_quantization": self.default_quantization,
            "published_sizes": dict(self.sizes),
            "grades": dict(self.grades),
            "grades_source": self.grades_source,
            "note": self.note,
            "sources": list(self.sources),
            "date": self.date,
            "checked": self.checked,
        }
        return {key: value for key, value in said.items() if value not in (None, [], {})}

    def converted(self) -> Converted:
        from homeroom.models.config import Converted

        return Converted(self.architecture, dict(self.metadata), self.tied, self.extras, None)

    def _digest(self, quantization: str) -> list[str]:
        """Bytes of tensors, of the file, of input, output and other; kinds of layers, their pattern; reads by type."""
        digest = self._digests.get(quantization)
        if digest is None:
            known = ", ".join(self._digests)
            raise NotSupported("catalogue.no_quantization", name=self.name, quantization=quantization, known=known)
        return digest.split(";")


def _weights(digest: Sequence[str]) -> Weights:
    """A digest's weights: layers are told by a letter each, of which the kinds stand in order."""
    _, _, inputs, output, other, kinds, pattern, reads = digest
    sizes = [int(size) for size in kinds.split(" ")]
    read = reads.split(" ")
    layers = _spread([LayerWeights(*pair) for pair in zip(sizes[::2], sizes[1::2], strict=True)], pattern)
    return Weights(
        int(inputs), int(output), int(other), layers, tuple(zip(read[::2], map(int, read[1::2]), strict=True))
    )


_T = TypeVar("_T")


def _spread(kinds: Sequence[_T], pattern: str) -> tuple[_T, ...]:
    """The kind of each layer, by its letter."""
    if len(kinds) == 1:
        return (kinds[0],) * len(pattern)
    table = (*(kinds[0],) * _FIRST, *kinds)
    return tuple(map(table.__getitem__, pattern.encode("ascii")))


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, and the quantization that its name asked for (the usual one where it did not)."""

    entry: Entry
    quantization: str
    asked: bool


@lru_cache(maxsize=1024)
def _layers(name: str, kinds: tuple[tuple[int, ...], ...], pattern: str) -> tuple[Layer, ...]:
    """The layers of entry *name*: one object for all its quantizations."""
    return _spread([Layer(*kind) for kind in kinds], pattern)


_scratches: dict[int, tuple[Mapping[str, Any], Scratch]] = {}


def _scratch(entry: Entry, layers: tuple[Layer, ...]) -> Scratch:
    """The graph of *entry*, worked out from its metadata once for all its quantizations."""
    known = _scratches.get(id(entry.metadata))
    if known is None or known[0] is not entry.metadata:
        from homeroom.models.scratch import scratch
        from homeroom.models.shapes import Keys

        known = (entry.metadata, scratch(Keys(entry.metadata, entry.architecture, entry.name), layers))
        _scratches[id(entry.metadata)] = known
    return known[1]


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """All models, by publisher's family as the data file has them."""
    raw = json.loads(files("homeroom.models").joinpath("data/catalogue.json").read_bytes())
    if raw["format"] != FORMAT:
        raise RuntimeError(f"catalogue.json has format {raw['format']}, not {FORMAT}")
    return tuple([entry_from(one) for one in raw["models"]])


def entry_from(raw: Mapping[str, Any]) -> Entry:
    """An entry from its JSON."""
    return Entry(
        name=raw["name"],
        aliases=tuple(raw.get("aliases", ())),
        title=raw["title"],
        repository=raw["repository"],
        publisher=raw["publisher"],
        released=raw.get("released"),
        licence=raw.get("licence"),
        kind=raw["kind"],
        teacher=raw.get("teacher"),
        base=raw.get("base"),
        grades=MappingProxyType(raw.get("grades", {})),
        grades_source=raw.get("grades_source"),
        note=raw.get("note"),
        sizes=MappingProxyType(raw.get("sizes", {})),
        architecture=raw["architecture"],
        metadata=MappingProxyType({k: tuple(v) if isinstance(v, list) else v for k, v in raw["metadata"].items()}),
        tied=raw["tied"],
        extras=frozenset(raw.get("extras", ())),
        parameters=raw["parameters"],
        active_parameters=raw["active_parameters"],
        context_length=raw["context_length"],
        default_quantization=raw["default_quantization"],
        sources=tuple(raw.get("sources", ())),
        date=raw["date"],
        checked=raw.get("checked"),
        _shape=raw["shape"],
        _digests=raw["weights"],
    )


@lru_cache(maxsize=1)
def _names() -> tuple[Mapping[str, Entry], Mapping[str, tuple[Entry, ...]]]:
    """By name in lower case: what is given as name or alias; and whoever else a family's, a title or a repository means."""
    given: dict[str, Entry] = {}
    others: dict[str, dict[str, Entry]] = {}
    for entry in entries():
        given[entry.name.lower()] = entry
    for entry in entries():
        for name in entry.aliases:
            given.setdefault(name.lower(), entry)
        repository = entry.repository.lower()
        for name in {entry.title.lower(), repository, repository.rpartition("/")[2]}:
            others.setdefault(name, {})[entry.name] = entry
        if ":" in entry.name:
            others.setdefault(entry.name.lower().partition(":")[0], {})[entry.name] = entry
    return given, {name: tuple(found.values()) for name, found in others.items()}


_SUFFIX: Final = re.compile(
    r"^(?P<name>.+?)[-:_.](?P<quantization>(?:i?q\d|tq\d|bf16|fp?16|f32|fp32|mxfp4|nvfp4)\w*)$", re.IGNORECASE
)
_SPELLINGS: Final = {"FP16": "F16", "FP32": "F32"}


def find(name: str) -> Entry | None:
    """The entry that *name* means, whatever quantization it adds; None where there is none. Raises as ``resolve``."""
    found = resolve(name)
    return None if found is None else found.entry


def resolve(name: str) -> Found | None:
    """The entry and quantization that *name* means: ``deepseek-r1:7b``, ``deepseek-r1:7b-q8_0``, an alias, the model's own
    name or its repository, in any case, ``:latest`` after it or not. None where there is none.

    Raises AmbiguousModel where several have the name (``qwen3``), UsageError where the model is known and the
    quantization is not.
    """
    wanted = name.strip()
    if (entry := _one(wanted)) is not None:
        return Found(entry, entry.default_quantization, False)
    match = _SUFFIX.match(wanted)
    if match is None or (entry := _one(match["name"])) is None:
        return None
    from homeroom.models.mix import known

    label = match["quantization"].upper()
    return Found(entry, known(_SPELLINGS.get(label, label)), True)


def _one(wanted: str) -> Entry | None:
    """The entry of that name. Raises AmbiguousModel where several have it."""
    wanted = wanted.removesuffix(":latest")
    titled = [entry for entry in entries() if entry.title == wanted]
    if len(titled) == 1:  # its own name, to the letter: DeepSeek-R1 is not the deepseek-r1 that Ollama means
        return titled[0]
    wanted = wanted.lower()
    given, others = _names()
    if wanted in given:
        return given[wanted]
    found = others.get(wanted, ())
    if len(found) > 1:
        choices = ", ".join(entry.name for entry in found)
        raise AmbiguousModel("catalogue.ambiguous", name=wanted, choices=choices, first=found[0].name)
    return found[0] if found else None


def close(name: str, count: int = 3) -> tuple[str, ...]:
    """Names of the catalogue that are spelled like *name*, the most alike first."""
    own = {entry.name.lower(): entry.name for entry in entries()}
    found = difflib.get_close_matches(name.strip().lower(), own, n=count, cutoff=0.5)
    return tuple(own[one] for one in found)
