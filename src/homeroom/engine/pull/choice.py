"""Which of the offers of one source suits the machine: by the catalogue or one header first, then by its own header.

Knows offers, headers and the machine's adviser; does not know sources (``models/offers``) nor how anything is fetched.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from homeroom import text
from homeroom.engine.pull.plan import Meter
from homeroom.engine.pull.words import Meant
from homeroom.errors import AmbiguousModel, SaidNo, SourceFailure, UnknownModel
from homeroom.fit import offered
from homeroom.fit.rank import Candidate
from homeroom.fit.verdict import Fit, assess
from homeroom.models.disk import Sleep
from homeroom.models.facts import ModelFacts
from homeroom.text import Sentence, sentence

if TYPE_CHECKING:
    from homeroom.fit.advise import Adviser
    from homeroom.models.http import Client
    from homeroom.models.offers import Offer
    from homeroom.models.remote import RemoteHeader

MOST_CHOICES: Final = 40
"""Files that an error lists."""
PREFERRED: Final = "Q4_K_M"
"""Whose header is read first, where one is needed to know what the others would be: it is the likeliest choice."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One offer, judged by its real header."""

    offer: Offer
    fit: Fit
    reasons: tuple[Sentence, ...]
    header: RemoteHeader
    """With the size and validator of each of the offer's files."""
    rate: float | None
    """Bytes a second, as the headers came."""

    @property
    def quantization(self) -> str:
        """As it is called where it is offered; where that is wrong, as its header says."""
        return really(self.offer, self.fit.facts)


class Chooser:
    """Chooses among the offers of one source for what is *meant*; *limit* is the most bytes a second that may travel;
    with *force* a file that is asked for is taken though its header says another quantization."""

    def __init__(
        self,
        client: Client,
        meant: Meant,
        adviser: Adviser,
        *,
        limit: int = 0,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        force: bool = False,
    ) -> None:
        self._client = client
        self._force = force
        self._meant = meant
        self._adviser = adviser
        self._sleep = sleep
        self._meter = Meter(limit, clock)
        self._read: dict[str, tuple[ModelFacts, RemoteHeader]] = {}

    async def choose(self, found: Sequence[Offer], max_size: int | None = None) -> Chosen:
        """The best of *found* by its real header; the next best where that does not fit after all.

        Raises UnknownModel where none is as asked for, SaidNo where each is over *max_size* bytes, AmbiguousModel where
        names do not tell what they are, SourceFailure where it is another model than the catalogue's or not in the
        quantization that was asked for, and what reading a header raises.
        """
        meant, choices = self._meant, _allowed(self._meant, found, max_size)
        reasons = [*meant.reasons]
        if not meant.asked and (left_out := len(_runnable(found)) - len(choices)):
            reasons.append(sentence("pull.why.under", limit=text.size(max_size or 0), count=left_out))
        if len(choices) == 1:
            (offer,) = choices.values()
            facts = await self._facts(offer)
            whole = facts.file_bytes + sum(file.size or 0 for file in offer.extras)
            if max_size is not None and whole > max_size:  # nobody had listed how large it is
                raise _over(meant, facts.quantization, whole, max_size)
            about = {"quantization": facts.quantization, "size": text.size(facts.file_bytes)}
            reasons.append(sentence("pull.why.asked" if meant.asked else "pull.why.only", **about))
            return self._chosen(offer, self._judge(facts, self._coarser(offer, facts)), reasons)
        left = offered.judged(await self._known(choices), {name: offer.size for name, offer in choices.items()})
        while (choice := offered.choose(self._candidate(left), self._adviser.worth)) is not None:
            offer = choices[choice.quantization]
            facts = await self._facts(offer)
            coarser = [
                replace(one, name=meant.stored_as(name))
                for name, one in left.items()
                if one.tensor_bytes < facts.tensor_bytes
            ]
            fit = self._judge(facts, coarser)
            if fit.verdict != "too-big" or not choice.fits or len(left) == 1:
                return self._chosen(offer, fit, [*reasons, *choice.reasons])
            del left[choice.quantization]
            reasons.append(sentence("pull.why.not", quantization=choice.quantization, reason=str(fit.reason)))
        raise _no_choice(meant, found)

    def _chosen(self, offer: Offer, fit: Fit, reasons: Sequence[Sentence]) -> Chosen:
        if mislabelled(offer, fit.facts):
            said = {"said": offer.quantization, "found": fit.facts.quantization}
            reasons = [*reasons, sentence("pull.why.mislabelled", **said)]
        return Chosen(offer, fit, tuple(reasons), self._read[offer.source][1], self._meter.rate)

    def _candidate(self, known: Mapping[str, ModelFacts]) -> Candidate:
        from homeroom.fit.advise import candidate

        entry = self._meant.entry
        return Candidate(known) if entry is None else replace(candidate(entry), by_quantization=known)

    def _judge(self, facts: ModelFacts, coarser: Sequence[ModelFacts]) -> Fit:
        return judge(self._adviser, facts, coarser)

    # ---- what each one is

    async def _known(self, choices: Mapping[str, Offer]) -> offered.Known:
        """The model in other quantizations: by the catalogue, else by the header of one that is offered."""
        if self._meant.entry is not None:
            return offered.of_entry(self._meant.entry)

        def likely(name: str) -> tuple[bool, int, int]:
            return name != PREFERRED, len(choices[name].files), choices[name].size or 1 << 62

        first = choices[min(choices, key=likely)]
        facts = await self._facts(first)
        return offered.of_headers(self._read[first.source][1].headers, facts.name)

    async def _facts(self, offer: Offer) -> ModelFacts:
        """What *offer* really is, under the name that the store would give it."""
        from homeroom.models import remote

        if offer.source not in self._read:
            traffic = remote.Traffic(progress=self._meter)
            facts, header = await remote.inspect_remote(
                self._client, offer.files, offer.source, traffic=traffic, sleep=self._sleep
            )
            self._check(offer, facts)
            name = self._meant.stored_as(really(offer, facts), offer.source)
            self._read[offer.source] = (replace(facts, name=name), header)
        return self._read[offer.source][0]

    def _check(self, offer: Offer, facts: ModelFacts) -> None:
        from homeroom.models.offers import matches

        entry = self._meant.entry
        if entry is not None and (reason := matches(entry, facts)) is not None:
            raise SourceFailure("pull.other_model", source=offer.source, name=entry.name, reason=reason)
        if mislabelled(offer, facts) and self._meant.asked_quantization and not self._force:
            told = {"said": offer.quantization, "found": facts.quantization, "again": self._meant.again}
            raise SourceFailure("pull.mislabelled", source=offer.source, **told)

    def _coarser(self, offer: Offer, facts: ModelFacts) -> list[ModelFacts]:
        """The model in coarser quantizations than the only one on offer: what to look for where that does not fit."""
        from homeroom.models import mix

        entry = self._meant.entry
        known = (
            offered.of_headers(self._read[offer.source][1].headers, facts.name)
            if entry is None
            else offered.of_entry(entry)
        )
        return [
            replace(one, name=self._meant.stored_as(name) if entry is not None else facts.name)
            for name, one in offered.judged(known, dict.fromkeys(mix.GRID)).items()
            if one.bits_per_weight < facts.bits_per_weight - 0.3
        ]


def mislabelled(offer: Offer, facts: ModelFacts) -> bool:
    """Whether the name of *offer* says another quantization than its header. Makers' own mixes (``UD-``, ``_L``, ``_XL``)
    and a kind without its size (``Q4_K``) are no contradiction."""
    from homeroom.models.quantization import FILE_TYPES

    known = frozenset(FILE_TYPES.values())
    said, found = offer.quantization, facts.quantization
    if said not in known or found not in known or said == found or found.startswith(f"{said}_"):
        return False
    return not said.endswith(("_L", "_XL"))


def really(offer: Offer, facts: ModelFacts) -> str:
    """The quantization of *offer*: by its name, where its header does not say another."""
    return facts.quantization if mislabelled(offer, facts) else offer.quantization or facts.quantization


def judge(adviser: Adviser, facts: ModelFacts, coarser: Sequence[ModelFacts] = ()) -> Fit:
    """*facts* on the machine of *adviser*; *coarser* as ``assess`` takes them."""
    return assess(facts, adviser.machine, adviser.ask(facts), calibration=adviser.calibration, smaller=coarser)


def _runnable(found: Sequence[Offer]) -> dict[str, Offer]:
    """Offers by quantization that the engine can load, as far as names tell; the only one whatever its name.

    Empty where names do not tell one model in several quantizations from several models.
    """
    from homeroom.models import labels

    if len(found) == 1:
        return {found[0].quantization or found[0].files[0].name: found[0]}
    said = [(offer, labels.read(offer.files[0].name)) for offer in found]
    if len({label.parameters for _, label in said}) > 1:
        return {}
    often = Counter(offer.quantization for offer in found)
    return {
        offer.quantization: offer
        for offer, label in said
        if offer.quantization is not None and often[offer.quantization] == 1 and label.runs_here is not False
    }


def _allowed(meant: Meant, found: Sequence[Offer], max_size: int | None) -> dict[str, Offer]:
    """What may be chosen from."""
    choices = _runnable(found)
    if (wanted := meant.quantization) is not None:
        listed = ", ".join(choices)
        same = (wanted, f"UD-{wanted}")  # a dynamic build answers to it where there is no other
        choices = {name: offer for name, offer in choices.items() if (offer.quantization or wanted).upper() in same}
        if not choices:
            raise UnknownModel(
                "pull.no_quantization", source=meant.shown, quantization=wanted, choices=listed, typed=meant.typed
            )
    if not choices:
        raise _no_choice(meant, found)
    small = {name: offer for name, offer in choices.items() if max_size is None or (offer.size or 0) <= max_size}
    if not small:
        name, least = min(choices.items(), key=lambda pair: pair[1].size or 0)
        raise _over(meant, name, least.size or 0, max_size or 0)
    return small


def _over(meant: Meant, quantization: str, size: int, max_size: int) -> SaidNo:
    return SaidNo(
        "pull.over_size",
        name=meant.shown,
        typed=meant.typed,
        limit=text.size(max_size),
        quantization=quantization,
        size=text.size(size),
        enough=f"{-(-size // 10**8) / 10:g}GB",
    )


def _no_choice(meant: Meant, found: Sequence[Offer]) -> AmbiguousModel:
    listed = ", ".join(
        [offer.files[0].name for offer in found][:MOST_CHOICES] + ["\u2026"] * (len(found) > MOST_CHOICES)
    )
    return AmbiguousModel("pull.no_choice", source=meant.shown, choices=listed, example=found[0].source)
