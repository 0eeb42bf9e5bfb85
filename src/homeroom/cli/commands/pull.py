"""``homeroom pull``: fetch a model into this machine's store."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.parameters import setting_flags
from homeroom.errors import UnknownModel
from homeroom.settings import load


def _offered(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from homeroom.models.names import STARTER

    return [CompletionItem(STARTER)] if STARTER.startswith(incomplete) else []


@grammar.command("pull")
@grammar.argument("model", metavar="MODEL", shell_complete=_offered)
@setting_flags("index_url")
def command(out: Output, model: str, **flags: str | None) -> int:
    from homeroom.cli.progress import Bar
    from homeroom.cli.running import run_async
    from homeroom.models.names import STARTER, resolve
    from homeroom.models.starter import pull_starter
    from homeroom.models.store import Store

    settings = load(flags)
    if model.removesuffix(":latest").lower() != STARTER:
        found = resolve(model, Store(settings.models), settings.model_folders)  # tells why it cannot be fetched
        raise UnknownModel("cli.pull.is_here", model=model, path=found.path)
    stored = run_async(pull_starter(settings, progress=Bar(out)))
    data = {
        "name": stored.name,
        "path": str(stored.path),
        "sha256": stored.sha256,
        "bytes": stored.bytes,
        "source": stored.source,
        "licence": stored.licence,
        "pulled_at": stored.pulled_at.isoformat().replace("+00:00", "Z"),
    }
    about = text.t("cli.pull.done", name=stored.name, size=text.size(stored.bytes), path=stored.path)
    out.show(data, [about], [stored.name])
    return 0
