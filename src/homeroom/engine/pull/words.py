"""What the words of a MODEL mean for a pull: an entry of the catalogue or a reference, and the quantization asked for.

Knows names; asks nobody. Of a family (``deepseek-r1``) it takes the size that is worth most on the machine at hand.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from homeroom.errors import AmbiguousModel, UnknownModel, UsageError
from homeroom.models import hub_names, labels, names, pulled
from homeroom.models.hub_names import Reference
from homeroom.text import Sentence, sentence

if TYPE_CHECKING:
    from homeroom.fit.advise import Adviser
    from homeroom.models.catalogue import Entry


@dataclass(frozen=True, slots=True)
class Meant:
    """A model that is elsewhere, as the user wants it."""

    typed: str
    model: Reference | Entry
    quantization: str | None
    """As it was asked for, in capitals; None: whichever suits."""
    reasons: tuple[Sentence, ...] = ()
    """Why this one of a family."""

    @property
    def entry(self) -> Entry | None:
        return None if isinstance(self.model, Reference) else self.model

    @property
    def asked(self) -> bool:
        """Whether the words leave nothing to choose."""
        return self.quantization is not None or (isinstance(self.model, Reference) and bool(self.model.choice))

    @property
    def asked_quantization(self) -> bool:
        """Whether the words name a quantization, and not a file that has one."""
        said = self.model.choice if isinstance(self.model, Reference) and self.model.hub in ("hf", "ms") else ""
        return self.quantization is not None or (bool(said) and labels.read(said).quantization == said.upper())

    @property
    def again(self) -> str:
        """What to type after ``homeroom pull`` for the same."""
        return shlex.quote(self.typed) + (f" --quant {self.quantization}" if self.quantization else "")

    @property
    def shown(self) -> str:
        return self.model.shown if isinstance(self.model, Reference) else self.model.name

    def stored_as(self, quantization: str, source: str = "") -> str:
        """What the store calls it in *quantization*; *source* is where that was found."""
        if not isinstance(self.model, Reference):
            return pulled.name_of(self.model, quantization)
        if self.model.hub == "url":
            return pulled.name_at(self.model.repository)
        return pulled.name_from(source or replace(self.model, choice=quantization).shown)


def understand(
    model: str, quantization: str | None, adviser: Callable[[], Adviser], max_size: int | None = None
) -> Meant:
    """What *model* means; *adviser* is asked for only where one of a family is to be chosen.

    Raises UnknownModel (with names that are spelled alike), AmbiguousModel, UsageError for two quantizations at once.
    """
    from homeroom.models import catalogue

    reference = hub_names.parse(model)
    if reference is not None:
        if reference.hub in ("hf", "ms") and quantization is not None:
            _agree(model, reference.choice, quantization)
            reference = replace(reference, choice=reference.choice or quantization)
        return Meant(model, reference, quantization)
    if members := pulled.family(model):
        return _of_family(model, members, quantization, adviser(), max_size)
    found = catalogue.resolve(model)
    if found is None and (other := pulled.spelled(model)) is not None:
        return Meant(model, *other)
    if found is None:
        raise _unknown(model)
    if found.asked and quantization is not None:
        _agree(model, found.quantization, quantization)
    return Meant(model, found.entry, quantization or (found.quantization if found.asked else None))


def _of_family(
    family: str, entries: Sequence[Entry], quantization: str | None, adviser: Adviser, max_size: int | None
) -> Meant:
    """The model of a *family* that is worth most here, the smallest where none fits."""
    from homeroom.fit.advise import candidate

    rows: list[tuple[bool, float, int, Entry]] = []
    for entry in entries:
        one = candidate(entry)
        known = {name: facts for name, facts in one.by_quantization.items() if quantization in (None, name)}
        small = {name: facts for name, facts in known.items() if max_size is None or facts.file_bytes <= max_size}
        row = adviser.worth(replace(one, by_quantization=small or known))
        if row is not None:
            rows.append((bool(small), row.worth, -row.fit.memory.total, entry))
    if not rows:
        raise UsageError("mix.unknown", name=quantization, known=", ".join(entries[0].quantizations))
    _, worth, _, entry = max(rows, key=lambda row: row[:3])
    key = "pull.why.size" if worth else "pull.why.size_smallest"
    return Meant(family, entry, quantization, (sentence(key, name=entry.name, count=len(entries), family=family),))


def is_starter(model: str) -> bool:
    return model.strip().removesuffix(":latest").lower() == names.STARTER


def settled(model: str) -> bool:
    """Whether *model* can mean nothing else tomorrow: a name, or a reference that leaves nothing open."""
    reference = hub_names.parse(model)
    return reference is None or (reference.hub in ("hf", "ms") and bool(reference.choice))


def with_quantization(model: str, quantization: str) -> str:
    """*model* with its quantization named: a reference's choice, or what a name of the catalogue has after it."""
    reference = hub_names.parse(model)
    if reference is not None:
        return model if reference.choice or reference.hub not in ("hf", "ms") else f"{model}:{quantization}"
    from homeroom.models import catalogue

    try:
        found = catalogue.resolve(model)
    except AmbiguousModel:
        return f"{model}-{quantization.lower()}"
    return model if found is None or found.asked else f"{found.entry.name}-{quantization.lower()}"


def _agree(model: str, said: str, quantization: str) -> None:
    if said and said.upper() != quantization:
        raise UsageError("pull.two_quantizations", model=model, said=said, quantization=quantization)


def _unknown(model: str) -> UnknownModel:
    from homeroom.models import catalogue

    if (named := hub_names.bare(model)) is not None:
        return UnknownModel("pull.which_hub", model=model, named=shlex.quote(named))
    close = catalogue.close(model)
    if close:
        return UnknownModel("pull.unknown_but", model=model, close=", ".join(close), first=close[0])
    return UnknownModel("pull.unknown", model=model)
