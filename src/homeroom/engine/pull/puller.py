"""Getting a model: which file of it suits this machine, from which source, and fetching that into the store.

Knows in which order sources are asked, what is here already and how files become a stored model; what words mean is
``words``'s, what suits ``choice``'s, what is offered ``models/offers``'s, bytes are ``models/download``'s.
Shows nothing and asks nobody: what is to be done is a plan (``plan``) first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from homeroom import text
from homeroom.engine.pull.choice import Chooser, Chosen, judge
from homeroom.engine.pull.fetch import Fetcher, arrived, damaged, validator
from homeroom.engine.pull.plan import PullPlan, Wanted, spelled
from homeroom.engine.pull.words import Meant, is_starter, settled, understand, with_quantization
from homeroom.errors import (
    AmbiguousModel,
    BadModelFile,
    DigestMismatch,
    NetworkFailure,
    SourceFailure,
    StoreFailure,
    UnknownModel,
    UsageError,
)
from homeroom.models import hub_names, pulled
from homeroom.models.disk import Sleep, free_bytes
from homeroom.models.hub_names import Reference
from homeroom.models.library import Library
from homeroom.models.remote import RemoteFile
from homeroom.models.store import Store, StoredModel
from homeroom.models.store.manifest import Manifest, valid_name
from homeroom.settings import Settings
from homeroom.text import sentence

if TYPE_CHECKING:
    from homeroom.fit.advise import Adviser
    from homeroom.models.download.fetching import Pace
    from homeroom.models.http import Network
    from homeroom.models.offers import Answer
    from homeroom.models.starter import Progress

GETTABLE: Final = frozenset({"models.not_pulled", "models.not_yet", "models.known_only", "catalogue.ambiguous"})
"""Why a model is not found that a pull may get."""
_NOT_HERE: Final = GETTABLE | {"models.unknown", "models.unknown_but"}
_STARTER_ENTRY: Final = ("smollm2:135m", "Q4_1")
"""What the starter is in the catalogue."""


class Puller:
    """Plans and fetches. *network* and *environment* are by default pip's configuration and this process's own;
    *tell* hears what happens on the way that a person should know, *looking* what is looked for once sources are asked."""

    def __init__(
        self,
        settings: Settings,
        *,
        network: Network | None = None,
        environment: Mapping[str, str] | None = None,
        tell: Callable[[str], None] = lambda told: None,
        looking: Callable[[str], None] = lambda model: None,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._network = network
        self._environment = environment
        self._tell = tell
        self._looking = looking
        self._sleep = sleep
        self._clock = clock
        self._store = Store(settings.models)

    # ---- the plan

    async def plan(
        self, model: str, *, quantization: str | None = None, max_size: int | None = None, force: bool = False
    ) -> PullPlan:
        """What pulling *model* would do; no weight travels. *quantization* as it is typed, *max_size* in bytes; with
        *force* it may be fetched though the machine cannot run it.

        Where the words leave nothing open and the model is here, no network is touched. Raises UnknownModel,
        AmbiguousModel, UsageError, SaidNo (nothing under *max_size*), NetworkFailure and SourceFailure (with what each
        source answered), BadModelFile.
        """
        quantization = quantization.upper() if quantization else None
        here = self._here(model, with_quantization(model, quantization) if quantization else model)
        if here is not None and (settled(model) or not here.wanted):
            return replace(here, flags=_flags(quantization, None))
        if is_starter(model):
            return self._starter(model)
        if here is None and (said := self._broken(model)) is not None:
            return await self._again(model, *said)
        try:
            meant = understand(model, quantization, lambda: self._adviser, max_size)
            plan = await self._elsewhere(meant, self.settings.sources, (), max_size=max_size, force=force)
            return replace(plan, flags=_flags(quantization, max_size))
        except NetworkFailure as error:
            if here is None:
                raise
            unasked = sentence("pull.is_here_unasked", source=here.source, reason=error.message)
            return replace(here, reasons=(unasked,))

    def _here(self, model: str, words: str) -> PullPlan | None:
        """The model that is on this machine already, whole. Raises UnknownModel for a path that leads to none."""
        try:
            found = Library(self.settings, self._environment).resolve(words)
            stored = self._store.get(found.name)
        except UnknownModel as error:
            if error.key not in _NOT_HERE:
                raise
            return None
        except (AmbiguousModel, StoreFailure):  # several are here; or one is broken, which a pull mends
            return None
        if stored is None:
            return PullPlan(model, found.name, found.keeper, (), None, (), path=found.path)
        plan = PullPlan(model, stored.name, stored.source, (), None, (), licence=stored.licence, title=stored.note)
        return plan.with_stored(stored)

    def _broken(self, name: str) -> tuple[Manifest, Reference] | None:
        """What the store says of a model called *name* whose files are not whole, and where it came from."""
        if not valid_name(name):
            return None
        said = self._store.load(self._store.manifest(name))
        if not isinstance(said, Manifest):
            return None
        try:
            origin = hub_names.parse(said.source)
        except UnknownModel:  # of a hand that was not homeroom's
            return None
        return None if origin is None else (said, origin)

    async def _again(self, model: str, said: Manifest, origin: Reference) -> PullPlan:
        """The plan to mend what *said* names, from where it came."""
        from homeroom.models import catalogue

        plan = await self._elsewhere(Meant(model, origin, None), self.settings.sources, (), force=True)
        try:
            entry = catalogue.find(said.name)
        except (AmbiguousModel, UsageError):
            entry = None
        mending = sentence("pull.why.mending", name=said.name)
        return replace(plan, name=said.name, entry=entry, reasons=(mending,), title=said.note or plan.title)

    def _starter(self, model: str) -> PullPlan:
        from homeroom.models import catalogue
        from homeroom.models.starter import starter_facts

        facts, (known, quantization) = starter_facts(), _STARTER_ENTRY
        entry, member = catalogue.find(known), facts.member
        return self._finished(
            PullPlan(
                model,
                facts.name,
                facts.source,
                (Wanted("model", RemoteFile(member.name, "", member.bytes, member.sha256)),),
                judge(self._adviser, entry.facts(quantization, facts.name)) if entry else None,
                (sentence("pull.why.starter"),),
                quantization=quantization,
                licence=facts.licence,
                title=facts.title,
            )
        )

    async def _elsewhere(
        self,
        meant: Meant,
        order: Sequence[str],
        answers: tuple[Answer, ...],
        *,
        max_size: int | None = None,
        force: bool = False,
    ) -> PullPlan:
        """The plan from the first source of *order* that serves; *answers* are of those that did not."""
        from homeroom.models import offers
        from homeroom.models.http import Client

        skip: set[str] = set()
        self._looking(meant.typed)
        async with Client(self._net) as client:
            while True:
                try:
                    found = await offers.offers(
                        client,
                        meant.model,
                        self._ends,
                        order=order,
                        quantization=meant.quantization,
                        skip=skip,
                        sleep=self._sleep,
                    )
                except (NetworkFailure, SourceFailure, UnknownModel) as error:
                    if not answers:
                        raise
                    answers += (offers.Answer(", ".join(order), error.message),)
                    raise _all_failed(meant, answers) from error
                again = {answer.source for answer in found.answers}  # asked before, and told in full now
                answers = (*(one for one in answers if one.source not in again), *found.answers)
                chooser = Chooser(
                    client,
                    meant,
                    self._adviser,
                    limit=self.settings.limit_rate,
                    sleep=self._sleep,
                    clock=self._clock,
                    force=force,
                )
                try:
                    return self._planned(meant, await chooser.choose(found.offers, max_size), answers, force)
                except (NetworkFailure, SourceFailure, BadModelFile, UnknownModel) as error:
                    if meant.entry is None or error.key == "pull.no_quantization":
                        raise
                    first = found.offers[0]
                    answers += (offers.Answer(first.repository, error.message),)
                    order = (
                        order if error.key in ("pull.other_model", "pull.mislabelled") else _after(order, first.source)
                    )
                    skip.add(first.repository)
                    if not order:
                        raise _all_failed(meant, answers) from error

    def _planned(self, meant: Meant, chosen: Chosen, answers: tuple[Answer, ...], force: bool) -> PullPlan:
        offer, facts, entry = chosen.offer, chosen.fit.facts, meant.entry
        return self._finished(
            PullPlan(
                typed=meant.typed,
                name=facts.name,
                source=offer.source,
                wanted=(*_wanted(chosen), *(Wanted(file.name, file) for file in offer.extras)),
                fit=chosen.fit,
                reasons=chosen.reasons,
                note=offer.note,
                quantization=chosen.quantization,
                licence=(entry.licence if entry else None) or facts.license or "",
                title=(entry.title if entry else None) or facts.title or "",
                answers=answers,
                rate=chosen.rate,
                force=force,
                entry=entry,
            )
        )

    def _finished(self, plan: PullPlan) -> PullPlan:
        """*plan* with what this disk has of it already, and how much more it can hold."""
        wanted = tuple(
            replace(one, here=arrived(self._store, one.file), damaged=damaged(self._store, one.file))
            for one in plan.wanted
        )
        plan = replace(plan, wanted=wanted, folder=self._store.partial, free_bytes=free_bytes(self._store.partial))
        if plan.mends:
            plan = replace(plan, reasons=(*plan.reasons, sentence("pull.why.mending", name=plan.name)))
        try:
            stored = self._store.get(plan.name) or pulled.stored(plan.name, self._store)
        except (StoreFailure, AmbiguousModel, UnknownModel):
            stored = None
        if stored is None or not self._is(stored, wanted):
            return plan
        return replace(plan, reasons=()).with_stored(stored)

    def _is(self, stored: StoredModel, wanted: Sequence[Wanted]) -> bool:
        """Whether *stored* is what is *wanted*: by its digests, else by the server's word for its version."""
        if len(stored.files) != len(wanted):
            return False
        return all(
            file.sha256 == one.file.sha256
            if one.file.sha256 is not None
            else one.validator is not None and one.validator == validator(self._store.pieces(file.sha256))
            for file, one in zip(stored.files, wanted, strict=True)
        )

    @cached_property
    def _adviser(self) -> Adviser:
        from homeroom.fit.advise import Adviser

        return Adviser(self.settings)

    @cached_property
    def _net(self) -> Network:
        from homeroom.models import package_index

        return self._network or package_index.configuration(self.settings.index_url, self._environment).network

    @cached_property
    def _ends(self) -> hub_names.Endpoints:
        settings = self.settings
        return hub_names.endpoints(
            settings.hf_endpoint, settings.modelscope_endpoint, settings.ollama_registry, self._environment
        )

    # ---- fetching

    async def fetch(self, plan: PullPlan, *, progress: Progress, pace: Pace | None = None) -> StoredModel:
        """Fetch what *plan* says, from the next source where one fails, and put it into the store.

        Whatever ended an earlier pull, this one goes on from there; several at once of one model fetch it once. Raises
        DoesNotFit and DiskFull before the first byte; NetworkFailure, SourceFailure, DigestMismatch, StoreFailure.
        """
        if (refusal := plan.refusal()) is not None:
            raise refusal
        if (stored := self._store.get(plan.name) if plan.here else None) is not None:
            return stored
        if is_starter(plan.name):
            from homeroom.models.starter import pull_starter

            return await pull_starter(
                self.settings, progress=progress, environment=self._environment, sleep=self._sleep
            )
        fetcher = Fetcher(self._store, self._net, self._tell, self._sleep)
        while True:
            try:
                return await fetcher.take(plan, progress=progress, pace=pace or self._pace)
            except (NetworkFailure, SourceFailure, DigestMismatch) as error:
                plan = await self._instead(plan, error)

    @cached_property
    def _pace(self) -> Pace:
        from homeroom.models.download.fetching import Pace

        return Pace(self.settings.connections, self.settings.limit_rate)

    async def _instead(self, plan: PullPlan, error: NetworkFailure | SourceFailure | DigestMismatch) -> PullPlan:
        """The same model in the same quantization from the next source. Raises what was wrong where there is none."""
        from homeroom.models.offers import Answer

        order = _after(self.settings.sources, plan.source)
        if plan.entry is None or not order:
            raise error
        self._tell(text.t("pull.another", source=plan.source, reason=error.message))
        answers = (*plan.answers, Answer(plan.source, error.message))
        meant = Meant(plan.typed, plan.entry, plan.quantization)
        found = await self._elsewhere(meant, order, answers, force=plan.force)
        if (refusal := found.refusal()) is not None:
            raise refusal
        return replace(found, name=plan.name)


def _wanted(chosen: Chosen) -> list[Wanted]:
    """The model's own files, with what their headers told."""
    header = chosen.header
    return [
        Wanted("model", replace(file, size=size), validator=etag)
        for file, size, etag in zip(chosen.offer.files, header.file_bytes, header.etags, strict=True)
    ]


def _flags(quantization: str | None, max_size: int | None) -> str:
    unit, name = (10**9, "GB") if (max_size or 0) >= 10**9 else (10**6, "MB")
    limit = f" --max-size {max_size / unit:.9g}{name}" if max_size else ""
    return (f" --quant {quantization}" if quantization else "") + limit


def _after(order: Sequence[str], source: str) -> tuple[str, ...]:
    """The hubs of *order* after the one that *source* is of."""
    hub = source.partition(":")[0]
    return tuple(order[order.index(hub) + 1 :]) if hub in order else ()


def _all_failed(meant: Meant, answers: tuple[Answer, ...]) -> SourceFailure:
    return SourceFailure("pull.all_failed", name=meant.shown, typed=meant.typed, answers=spelled(answers))
