"""How a pull is shown: its plan for people, the question before it, and the bar while it goes on.

Knows words and order; what is chosen and fetched is ``engine/pull``'s.
"""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING

from homeroom import text
from homeroom.cli.output import Output
from homeroom.cli.words import fit_word, speed_words
from homeroom.errors import Interrupted

if TYPE_CHECKING:
    from homeroom.cli.tables import Block
    from homeroom.engine.pull import Puller
    from homeroom.engine.pull.plan import PullPlan
    from homeroom.fit.verdict import Fit
    from homeroom.models.starter import Progress
    from homeroom.models.store import StoredModel
    from homeroom.settings import Settings


async def get(out: Output, settings: Settings, model: str) -> None:
    """Get *model* where it is not on this machine, telling what was chosen and why. Raises what a pull raises; for what
    cannot be got as for one that is not here."""
    from homeroom.cli.progress import Bar
    from homeroom.engine.pull import GETTABLE, Puller
    from homeroom.errors import AmbiguousModel, UnknownModel
    from homeroom.models.library import Library

    try:
        Library(settings).resolve(model)
    except (UnknownModel, AmbiguousModel) as error:
        if error.key not in GETTABLE:
            raise
        puller = Puller(settings, tell=out.say, looking=lambda name: out.say(text.t("pull.looking", name=name)))
        plan = await puller.plan(model)
        if not plan.here:
            tell(out, plan)
            await fetch(puller, plan, Bar(out))


async def fetch(puller: Puller, plan: PullPlan, progress: Progress) -> StoredModel:
    """Fetch *plan*. Raises what ``Puller.fetch`` raises; Interrupted, which tells how it goes on, where it is cancelled."""
    try:
        return await puller.fetch(plan, progress=progress)
    except asyncio.CancelledError:
        raise Interrupted("pull.interrupted", name=plan.name, again=plan.again) from None


def tell(out: Output, plan: PullPlan) -> None:
    """Say on standard error what *plan* is."""
    from homeroom.cli.tables import render

    for block in page(plan):
        out.say(render(block, out.stderr, False).rstrip("\n"))


def page(plan: PullPlan) -> list[Block]:
    """*plan* for people: what it is, why it, where from, what it will be here, and how long it takes."""
    from homeroom.cli.tables import Facts, Prose

    blocks: list[Block] = []
    if plan.fit is not None:
        facts = plan.fit.facts
        about = text.t(
            "pull.about",
            name=plan.name,
            title=plan.title or facts.architecture,
            parameters=text.count(facts.parameters),
            quantization=plan.quantization,
        )
        blocks.append(Prose(about))
    blocks += [Prose(str(reason)) for reason in plan.reasons]
    blocks += [Prose(plan.note)] if plan.note else []
    if plan.entry is not None and plan.entry.kind == "vision-language":
        blocks.append(Prose(text.t("advice.vision")))
    blocks += [
        Prose(text.t("pull.did_not_serve", source=answer.source, reason=answer.reason)) for answer in plan.answers
    ]
    rows = [(text.t("pull.label.source"), plan.source), (text.t("pull.label.file"), _files(plan))]
    rows.append((text.t("pull.label.licence"), plan.licence or text.t("pull.licence.unknown")))
    blocks.append(Facts("", (*rows, *_fit(plan), (text.t("pull.label.download"), _download(plan)))))
    if changes := plan.changes:
        blocks += [text.t("pull.changes"), *(Prose(f"  - {change}", 4) for change in changes)]
    return blocks


def _files(plan: PullPlan) -> str:
    models = [one.file for one in plan.wanted if one.role == "model"]
    name = models[0].name.rpartition("/")[2]
    return name if len(models) == 1 else f"{name} ({text.t('pull.label.files', count=len(models))})"


def _fit(plan: PullPlan) -> list[tuple[str, str]]:
    fit = plan.fit
    if fit is None:
        return []
    verdict = text.t("advice.judged", verdict=fit_word(fit.verdict, fit.placement.offloaded), reason=str(fit.reason))
    rows = [(text.t("pull.label.fit"), verdict)]
    if plan.quality is not None:
        rows.append((text.t("pull.label.quality"), _quality(plan.quality, fit.facts.quantization)))
    if not fit.facts.embeds_only and not plan.too_big:
        rows.append((text.t("pull.label.speed"), _speed(fit)))
    longest, limit = fit.max_context, f"{fit.facts.context_length:,}"
    told = text.t("pull.context" if longest else "pull.context_none", longest=f"{longest:,}", limit=limit)
    return [*rows, (text.t("pull.label.context"), told)]


def _speed(fit: Fit) -> str:
    start, full = fit.start, fit.speed
    if start is None or full is None:
        return text.t("pull.speed_unknown")
    context = f"{fit.ask.context:,}"
    return text.t("pull.speed", start=speed_words(start.decode), full=speed_words(full.decode), context=context)


def _quality(score: float, quantization: str) -> str:
    from homeroom.models.quantization import LOSS

    about = {"score": f"{score:.0f}"}
    if (loss := LOSS.get(quantization)) is None:
        return text.t("pull.quality", **about)
    return text.t("pull.quality_loss", **about, quantization=quantization, loss=f"{loss.percent:.1f}")


def _download(plan: PullPlan) -> str:
    if plan.mends:
        return text.t("pull.download_mend", whole=text.size(plan.bytes))
    if not plan.download_bytes:
        return text.t("pull.download_nothing")
    about: dict[str, object] = {"size": text.size(plan.download_bytes)}
    key = "pull.download"
    if plan.download_bytes < plan.bytes:
        key, about["whole"] = "pull.download_rest", text.size(plan.bytes)
    if plan.seconds is None or plan.rate is None:
        return text.t(f"{key}_unknown", **about)
    return text.t(key, **about, took=text.duration(plan.seconds), rate=text.size(plan.rate))


def here(plan: PullPlan) -> list[Block]:
    """That it is on this machine already."""
    from homeroom.cli.tables import Prose

    key = "pull.is_here" if plan.wanted else "pull.is_here_file"
    said = text.t(key, name=plan.name, size=text.size(plan.bytes), path=plan.path)
    return [Prose(said), *(Prose(str(reason)) for reason in plan.reasons), run_it(plan)]


def done(plan: PullPlan, stored: StoredModel) -> list[Block]:
    """That it is here now."""
    from homeroom.cli.tables import Prose

    size = text.size(stored.bytes)
    return [Prose(text.t("pull.done", name=stored.name, size=size, path=stored.path)), run_it(plan)]


def run_it(plan: PullPlan) -> Block:
    """What to type next, by the words that led to it."""
    from homeroom.cli.tables import Prose

    embeds = plan.fit is not None and plan.fit.facts.embeds_only
    key = "pull.done_next_embeds" if embeds else "pull.done_next"
    return Prose(text.t("cli.next", sentence=text.t(key, name=shlex.quote(plan.name if plan.flags else plan.typed))))
