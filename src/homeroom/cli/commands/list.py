"""``homeroom list``: the models on this machine, whose they are, and whether each fits the memory that is free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.parameters import setting_flags
from homeroom.cli.words import fit_words
from homeroom.settings import load

if TYPE_CHECKING:
    from datetime import datetime

    from homeroom.engine.choose import Fit
    from homeroom.hardware.machine import Machine
    from homeroom.models.facts import ModelFacts
    from homeroom.models.store import StoredModel

SPARE: Final = (4, 5, 2, 7)
"""What a narrow terminal does not see: context, last use, parameters, and last of all the source. ``show`` has them."""


@grammar.command("list")
@setting_flags("stores", "model_folders")
def command(out: Output, **flags: str | None) -> int:
    from homeroom.cli.tables import Table
    from homeroom.engine.choose import assess
    from homeroom.engine.plan import Ask
    from homeroom.hardware.machine import detect
    from homeroom.models.library import Library
    from homeroom.models.names import HOMEROOM
    from homeroom.models.neighbours import TITLES

    settings = load(flags)
    library = Library(settings)
    stored = library.store.all()
    models, unreadable = library.all()
    machine = detect()
    kept = {model.name: model for model in stored}
    # By its name: two models may be one file.
    known = {facts.name: kept.get(facts.name) if facts.keeper == HOMEROOM else None for facts in models}
    used = {facts.name: library.last_used(facts) for facts in models}
    verdicts = {facts.name: assess(facts, machine, Ask.from_settings(settings)) for facts in models}
    rows = tuple(
        (
            facts.name,
            facts.quantization,
            text.count(facts.parameters),
            text.size(facts.file_bytes),
            f"{facts.context_length:,}",
            _shown(used[facts.name]),
            fit_words(verdicts[facts.name]),
            own.source if (own := known[facts.name]) else TITLES.get(facts.keeper, str(facts.path)),
        )
        for facts in models
    )
    names = ("cli.head.name", "cli.head.quantization", "cli.head.parameters", "cli.head.size", "cli.head.context")
    headings = (*names, "neighbours.head.used", "cli.head.fits", "cli.head.source")
    table = Table(tuple(text.t(name) for name in headings), rows, frozenset({2, 3, 4}), spare=SPARE)
    reasons = [error.message for error in unreadable] + [
        text.t("models.broken", name=entry.name, path=entry.path, reason=entry.reason) for entry in stored.broken
    ]
    nothing = text.t("cli.list.none_whole" if reasons else "cli.list.none")
    reasons += [text.t("cli.list.no_folder", path=path) for path in settings.model_folders if not path.is_dir()]
    data = {
        "models": [
            row(facts, known[facts.name], used[facts.name]) | {"fit": fit(verdicts[facts.name])} for facts in models
        ],
        "broken": reasons,
        "machine": memory(machine),
    }
    out.show(data, [table if rows else nothing], [facts.name for facts in models])
    for reason in reasons:
        out.warn(reason)
    return 0


def row(facts: ModelFacts, stored: StoredModel | None, used: datetime | None) -> dict[str, Any]:
    """A model as JSON: what its header says, and what the store that it is in knows of it."""
    return {
        "name": facts.name,
        "path": str(facts.path) if facts.paths else None,
        "files": len(facts.paths),
        "sha256": facts.sha256,
        "title": facts.title,
        "architecture": facts.architecture,
        "parameters": facts.parameters,
        "quantization": facts.quantization,
        "bits_per_weight": round(facts.bits_per_weight, 3),
        "file_bytes": facts.file_bytes,
        "tensor_bytes": facts.tensor_bytes,
        "context_length": facts.context_length,
        "embedding_length": facts.embedding_length,
        "vocabulary": facts.vocabulary,
        "layers": len(facts.layers),
        "tokenizer": facts.tokenizer,
        "chats": facts.chats,
        "takes_tools": facts.takes_tools,
        "thinks": facts.thinks,
        "pooling": facts.pooling,
        "license": facts.license,
        "base": facts.base,
        "modelfile": _modelfile(facts),
        "store": facts.keeper or None,
        "source": stored.source if stored else None,
        "pulled_at": _time(stored.pulled_at.isoformat()) if stored else None,
        "last_used": _time(used.isoformat()) if used else None,
    }


def _modelfile(facts: ModelFacts) -> dict[str, Any] | None:
    told = facts.modelfile
    if told is None:
        return None
    return {
        "system": told.system,
        "parameters": dict(told.parameters),
        "template": told.template,
        "chat_format": facts.chat_format,
        "messages": [{"role": role, "content": content} for role, content in told.messages],
    }


def _shown(used: datetime | None) -> str:
    """When, by the clock on the wall; nothing for never."""
    return used.astimezone().strftime("%Y-%m-%d %H:%M") if used else ""


def fit(verdict: Fit) -> dict[str, Any]:
    """A verdict as JSON, bytes and tokens."""
    plan = verdict.plan
    return {
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "context": plan.number("context") if plan else None,
        "parallel": plan.number("parallel") if plan else None,
        "memory": {"total": plan.memory.total, "basis": plan.memory.basis} if plan else None,
    }


def memory(machine: Machine) -> dict[str, Any]:
    """The memory that verdicts were made with."""
    return {"memory_total": machine.memory_total, "memory_free": machine.memory_free, "limited_by": machine.limited_by}


def _time(stamp: str) -> str:
    return stamp.replace("+00:00", "Z")
