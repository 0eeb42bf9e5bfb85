"""What can be had of a model, and from whom: every GGUF that a reference names, or that the sources of a catalogue name have.

Knows in which order sources are asked, under which names a model's GGUF files are by custom (``data/sources.toml``) and when
what is there is not the model; does not choose among quantizations, and fetches nothing.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Awaitable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files as package_files
from typing import TYPE_CHECKING, Any, Final

from homeroom import text
from homeroom.errors import HomeroomError, NetworkFailure, SourceFailure, UnknownModel
from homeroom.models.disk import Sleep
from homeroom.models.http import Client
from homeroom.models.hub_names import DEFAULTS, SERVER_SETTINGS, TITLES, Endpoints, Hub, Reference
from homeroom.models.hubs import formats, ollama
from homeroom.models.hubs.asking import Asker
from homeroom.models.hubs.choosing import Group, called, choose, kind, lacking, meant, models_in, offered, runnable
from homeroom.models.hubs.finding import address_files, page, repository_files
from homeroom.models.remote import SECONDS, RemoteFile, Traffic

if TYPE_CHECKING:
    from homeroom.models.catalogue import Entry
    from homeroom.models.facts import ModelFacts

PATIENCE: Final = 30.0
"""Seconds for one of several sources: where a hub cannot be reached, the next one is asked soon enough."""
AT_ONCE: Final = 5
"""Repositories of one hub that are asked at the same time."""
TOLERANCE: Final = 0.01
"""By how much a file's parameters may differ from the catalogue's: a converter may leave out what a text model never uses."""
_SAID_NO: Final = frozenset({"hubs.busy", "hubs.refused", "hubs.bad_token", "hubs.bad_answer", "hubs.redirects"})
"""What a hub says of itself, not of one repository: no other name need be tried there."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One GGUF model that can be fetched, whole."""

    source: str
    """As the user may type it: ``hf:unsloth/X-GGUF:Q4_K_M``, ``ollama:x:7b``, an address without its secrets."""
    repository: str
    """The same without the choice: what ``skip`` takes."""
    hub: Hub
    quantization: str | None
    """By its name (of the Ollama registry: by its configuration); the header decides."""
    files: tuple[RemoteFile, ...]
    """All of its shards, in order."""
    extras: tuple[RemoteFile, ...] = ()
    """Of an Ollama model: its other layers, named ``template``, ``params``, ``license``, ``system``, ``projector``..."""
    note: str | None = None

    @property
    def size(self) -> int | None:
        """Bytes of all files, where whoever lists them says so."""
        sizes = [file.size for file in self.files]
        return sum(size for size in sizes if size is not None) if None not in sizes else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source that was asked in vain said, in the current language: a sentence."""

    source: str
    """Its title: ``Hugging Face``."""
    reason: str


@dataclass(frozen=True, slots=True)
class Offers:
    """What was found, by name, and what the sources before it answered."""

    offers: tuple[Offer, ...]
    answers: tuple[Answer, ...] = ()


async def offers(
    client: Client,
    model: Reference | Entry,
    ends: Endpoints,
    *,
    order: Sequence[str],
    quantization: str | None = None,
    skip: Collection[str] = (),
    traffic: Traffic | None = None,
    sleep: Sleep = asyncio.sleep,
) -> Offers:
    """What can be had of *model*. Of a reference: every GGUF model that it names, or the one that it chooses. Of an entry of
    the catalogue: those of the first repository that has any, of the sources in *order* (``hf``, ``ms``, ``ollama``).

    With *quantization* only those that have it. Repositories in *skip* are passed over: those whose header, when it was
    read, was another model's (``matches``). Bytes of answers are added to *traffic*.

    Raises UnknownModel, AmbiguousModel, NotSupported (no GGUF there, but what), SourceFailure, and NetworkFailure where no
    source could be reached. For an entry the error tells what each source answered.
    """
    traffic = traffic or Traffic()
    if isinstance(model, Reference):
        asker = Asker(client, traffic, sleep, model.shown)
        return Offers(await _within(SECONDS, _named(asker, model, ends, quantization), model.shown))
    answers: list[Answer] = []
    errors: list[HomeroomError] = []
    for source in dict.fromkeys(order):
        hub: Hub = "hf" if source == "hf" else "ms" if source == "ms" else "ollama"
        search = _Search(client, traffic, sleep, hub, ends, quantization, skip)
        try:
            found = await _within(PATIENCE, search.run(model), TITLES[hub])
        except HomeroomError as error:
            search.failures.append(error)
            found = ()
        if found:
            return Offers(found, tuple(answers))
        answers.append(Answer(TITLES[hub], search.reason()))
        errors += search.failures
    raise _nowhere(model, quantization, answers, errors, order)


async def _within(seconds: float, work: Awaitable[tuple[Offer, ...]], shown: str) -> tuple[Offer, ...]:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise NetworkFailure("hubs.slow", url=shown, seconds=round(seconds)) from None


async def _named(asker: Asker, reference: Reference, ends: Endpoints, quantization: str | None) -> tuple[Offer, ...]:
    """What *reference* names."""
    formats.refuse_pickle(reference.choice, reference.shown)
    if reference.hub == "url":
        direct = page(reference.repository, ends)
        if isinstance(direct, str):
            shown, shards = reference.shown, address_files(direct, ends)
            return (Offer(shown, shown, "url", kind(shards[0].name), shards),)
        reference = direct
    if reference.hub == "ollama":
        return (await _tagged(asker, reference, ends),)
    files = await repository_files(asker, reference, ends)
    groups = models_in(files)
    if not groups:
        raise formats.other_format(files, reference) or UnknownModel("hubs.empty", source=reference.shown)
    if reference.choice or quantization:
        reference = Reference(reference.hub, reference.repository, reference.choice or quantization or "")
        return (_offer(reference, reference.choice, choose(groups, reference, command="pull")[0]),)
    whole = [group for group in groups if not lacking(group)]
    if not whole:
        choose(groups[:1], reference, command="pull")  # which tells what is missing
    if len(whole) == len(groups) == 1:
        return (_offer(reference, kind(whole[0][0].name) or "", whole[0]),)
    return _all(reference, whole)


def _all(reference: Reference, groups: Sequence[Group]) -> tuple[Offer, ...]:
    return tuple(_offer(reference, name, group) for name, group in zip(called(groups), groups, strict=True))


def _offer(reference: Reference, choice: str, group: Group) -> Offer:
    bare = Reference(reference.hub, reference.repository)
    shown = Reference(reference.hub, reference.repository, choice).shown
    return Offer(shown, bare.shown, reference.hub, kind(group[0].name), group)


async def _tagged(asker: Asker, reference: Reference, ends: Endpoints) -> Offer:
    tag = await ollama.tag(asker, reference, ends)
    claimed = await ollama.claimed_quantization(asker, tag)
    note = text.t("offers.tag_is", source=tag.source, quantization=claimed) if claimed else None
    return Offer(tag.source, tag.source, "ollama", claimed, (tag.model,), tag.extras, note)


async def _all_of(
    work: Iterable[Coroutine[Any, Any, tuple[Offer, ...]]],
) -> list[tuple[Offer, ...] | HomeroomError]:
    """What each of *work* came to, at the same time, in their order."""

    async def one(asked: Coroutine[Any, Any, tuple[Offer, ...]]) -> tuple[Offer, ...] | HomeroomError:
        try:
            return await asked
        except HomeroomError as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(asked)) for asked in work]
    return [task.result() for task in tasks]


class _Search:
    """The GGUF files of an entry on one hub, and why there are none."""

    def __init__(
        self,
        client: Client,
        traffic: Traffic,
        sleep: Sleep,
        hub: Hub,
        ends: Endpoints,
        quantization: str | None,
        skip: Collection[str],
    ) -> None:
        self.failures: list[HomeroomError] = []
        self._absent: list[str] = []
        self._others: list[str] = []
        self._client, self._traffic, self._sleep = client, traffic, sleep
        self._hub, self._ends, self._quantization, self._skip = hub, ends, quantization, skip

    async def run(self, entry: Entry) -> tuple[Offer, ...]:
        """The offers of the first name that has some; empty where none has, which ``reason`` explains."""
        known = references(entry, self._hub)
        # The likeliest alone, for it is the most asked for; the others at the same time, and the first of them that serves.
        for together in (known[:1], *(known[at : at + AT_ONCE] for at in range(1, len(known), AT_ONCE))):
            asked = [reference for reference in together if reference.shown not in self._skip]
            skipped = (reference.shown for reference in together if reference.shown in self._skip)
            self._others += [text.t("offers.another_model", source=shown) for shown in skipped]
            for reference, answer in zip(asked, await _all_of(map(self._ask, asked)), strict=True):
                if isinstance(answer, UnknownModel):
                    self._note(answer, reference)
                elif isinstance(answer, HomeroomError):
                    self.failures.append(answer)
                    if isinstance(answer, NetworkFailure) or answer.key in _SAID_NO:
                        return ()
                elif answer:
                    return answer
        return ()

    async def _ask(self, reference: Reference) -> tuple[Offer, ...]:
        asker = Asker(self._client, self._traffic, self._sleep, reference.shown)
        if reference.hub == "ollama":
            offer = await _tagged(asker, reference, self._ends)
            if self._quantization and offer.quantization and offer.quantization != self._quantization.upper():
                self._lacks(reference, offer.quantization)
                return ()
            return (offer,)
        groups = models_in(await repository_files(asker, reference, self._ends))
        whole = [group for group in groups if not lacking(group)]
        if not self._quantization or not whole:
            if not whole:
                self._absent.append(reference.shown)
            return _all(reference, whole)
        found = meant(whole, self._quantization)
        if not found:
            self._lacks(reference, offered(runnable(whole), self._quantization)[0])
        return _all(reference, found)

    def _lacks(self, reference: Reference, choices: str) -> None:
        wanted = self._quantization
        self._others.append(text.t("offers.lacks", source=reference.shown, wanted=wanted, choices=choices))

    def _note(self, error: UnknownModel, reference: Reference) -> None:
        if error.key in ("hubs.not_there", "hubs.no_such_tag"):
            self._absent.append(reference.shown)
        else:
            self._others.append(error.message)

    def reason(self) -> str:
        """Why nothing was found, in a sentence or some."""
        told = [*self._others, *(error.message for error in self.failures)]
        if self._absent:
            told.insert(0, text.t("offers.absent", names=", ".join(self._absent)))
        return ("" if text.language() == "zh" else " ").join(told)


def _nowhere(
    entry: Entry,
    quantization: str | None,
    answers: Sequence[Answer],
    errors: Sequence[HomeroomError],
    order: Sequence[str],
) -> HomeroomError:
    wanted = f"{entry.name} ({quantization})" if quantization else entry.name
    told = "\n".join(text.t("offers.answer", source=answer.source, reason=answer.reason) for answer in answers)
    kinds = {type(error) for error in errors}
    if kinds == {NetworkFailure} and len(errors) == len(answers):
        settings = ", ".join(SERVER_SETTINGS[hub] for hub in order if hub in SERVER_SETTINGS)
        return NetworkFailure("offers.no_network", model=wanted, answers=told, settings=settings)
    failed = bool(kinds)
    rest = [hub for hub in DEFAULTS if hub not in order]
    more = text.t("offers.more", sources=",".join([*order, *rest])) if rest else ""
    facts = {"model": wanted, "answers": told, "repository": entry.repository, "more": more}
    return SourceFailure("offers.nowhere", **facts) if failed else UnknownModel("offers.nowhere", **facts)


def references(entry: Entry, hub: Hub) -> tuple[Reference, ...]:
    """The names under which GGUF files of *entry* may be on *hub*, the likeliest first."""
    if hub == "ollama":
        name, _, tag = entry.name.partition(":")
        return (Reference("ollama", f"library/{name}", tag),)
    owner, _, last = entry.repository.rpartition("/")
    names = (last, entry.title)  # which differ where the repository's name says its format: -hf, -BF16
    found = [pattern.format(owner=owner, name=name) for pattern, hubs in _customs() if hub in hubs for name in names]
    return tuple(Reference(hub, repository) for repository in dict.fromkeys(found))


@lru_cache(maxsize=1)
def _customs() -> tuple[tuple[str, frozenset[str]], ...]:
    read = tomllib.loads(package_files("homeroom.models").joinpath("data/sources.toml").read_text("utf-8"))
    return tuple((custom["name"], frozenset(custom["hubs"])) for custom in read["repository"])


def matches(entry: Entry, facts: ModelFacts) -> str | None:
    """None where *facts*, read from a header, are those of *entry*; else why not, as a sentence in the current language.

    Compares architecture, number of layers and parameters (within 1 %; with the output written out where the model ties it
    to its input: some converters do). The same shape is no proof of the same weights.
    """
    expected = entry.summary()
    if facts.architecture != entry.architecture:
        return text.t("offers.architecture", found=facts.architecture, expected=entry.architecture)
    if len(facts.layers) != len(expected.layers):
        return text.t("offers.layers", found=len(facts.layers), expected=len(expected.layers))
    sizes = [entry.parameters]
    if entry.tied:
        sizes.append(entry.parameters + expected.vocabulary * expected.embedding_length)
    if not any(abs(facts.parameters - size) <= TOLERANCE * size for size in sizes):
        found, wanted = text.count(facts.parameters), text.count(entry.parameters)
        return text.t("offers.parameters", found=found, expected=wanted)
    return None
