"""``homeroom pull``: choose the file of a model that suits this machine, and fetch it into the store."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.parameters import PULL_SETTINGS, setting_flags
from homeroom.errors import Interrupted, UsageError
from homeroom.settings import Settings, load

if TYPE_CHECKING:
    from homeroom.engine.pull.plan import PullPlan


def _known(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The starter, and the catalogue's names that begin with *incomplete*."""
    from homeroom.models import catalogue
    from homeroom.models.names import STARTER

    known = (STARTER, *(entry.name for entry in catalogue.entries()))
    return [CompletionItem(name) for name in known if name.lower().startswith(incomplete.lower())]


@grammar.command("pull")
@grammar.argument("model", metavar="MODEL", shell_complete=_known)
@grammar.option("--quant", "quantization", metavar="NAME", default=None, key="help.option.quant")
@grammar.option("--max-size", metavar="SIZE", default=None, key="help.option.max_size")
@grammar.option("-y", "--yes", is_flag=True, key="help.option.yes")
@grammar.option("--dry-run", is_flag=True, key="help.option.pull_dry_run")
@grammar.option("--force", is_flag=True, key="help.option.pull_force")
@setting_flags("ctx", "parallel", "kv_type", *PULL_SETTINGS)
def command(
    out: Output,
    model: str,
    quantization: str | None,
    max_size: str | None,
    yes: bool,
    dry_run: bool,
    force: bool,
    **flags: str | None,
) -> int:
    """Exit 0 where the model is here afterwards, 1 where it does not fit or nothing is small enough."""
    wants = {"quantization": quantization, "max_size": _size(max_size, model), "force": force}
    return _pull(out, load(flags), model, wants, ask=not yes, dry_run=dry_run)


def _size(words: str | None, model: str) -> int | None:
    from homeroom.settings import size_in_bytes

    if words is None:
        return None
    try:
        return size_in_bytes(words)
    except ValueError:
        raise UsageError("pull.bad_size", value=words, typed=shlex.quote(model)) from None


def _pull(out: Output, settings: Settings, model: str, wants: dict[str, Any], *, ask: bool, dry_run: bool) -> int:
    from homeroom.cli import pulling
    from homeroom.cli.progress import Bar, Status
    from homeroom.cli.running import run_async
    from homeroom.engine.pull import Puller

    status = Status(out)

    def looking(name: str) -> None:
        """On a terminal a line that goes away, elsewhere one that stays."""
        said = text.t("pull.looking", name=name)
        (status.show if out.stderr.isatty() else out.say)(said)

    puller = Puller(settings, tell=out.say, looking=looking)
    try:
        plan = run_async(puller.plan(model, **wants))
    finally:
        status.clear()
    if plan.here:
        out.show(_row(plan, fetched=False), pulling.here(plan), [plan.name])
        return 0
    if dry_run:
        return _tell(out, plan)
    pulling.tell(out, plan)
    if (refusal := plan.refusal()) is not None:
        raise refusal
    if ask and (answer := _refused(out)) is not None:
        return answer
    stored = run_async(pulling.fetch(puller, plan, Bar(out)))
    took = {"download_bytes": plan.download_bytes, "rate": plan.rate, "seconds": plan.seconds}
    row = _row(plan.with_stored(stored), fetched=True) | took
    out.show(row, pulling.done(plan, stored), [stored.name])
    return 0


def _refused(out: Output) -> int | None:
    """The exit code where a person at a terminal does not want it; None where it is to be fetched.

    Asked while no event loop runs: a loop would hold back the Ctrl-C that ends the question.
    """
    try:
        if out.asks(text.t("pull.ask"), otherwise=True):
            return None
    except KeyboardInterrupt:
        out.say(f"\n{text.t('pull.declined')}")
        return Interrupted.exit_code
    out.say(text.t("pull.declined"))
    return 1


def _row(plan: PullPlan, *, fetched: bool) -> dict[str, Any]:
    return plan.row() | {"fetched": fetched}


def _tell(out: Output, plan: PullPlan) -> int:
    """What would be done, and whether it could be."""
    from homeroom.cli import pulling

    refusal, next_ = plan.refusal(), text.t("pull.dry_run", again=plan.again)
    out.show(_row(plan, fetched=False), [*pulling.page(plan), *([] if refusal else [next_])], [plan.source])
    if refusal is None:
        return 0
    out.blame(refusal)
    return refusal.exit_code
