"""``homeroom rm``: delete models of homeroom's own store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.stored import complete_stored, own_names
from homeroom.settings import load

if TYPE_CHECKING:
    from pathlib import Path

    from homeroom.models.store import Store


@grammar.command("rm")
@grammar.argument("models", metavar="MODEL...", nargs=-1, required=True, shell_complete=complete_stored)
@grammar.option("-y", "--yes", is_flag=True, key="help.option.rm_yes")
def command(out: Output, models: tuple[str, ...], yes: bool) -> int:
    from homeroom.cli.running import run_async
    from homeroom.models.store import Store

    settings = load()
    store = Store(settings.models)
    names = own_names(models, settings, store, delete=True)
    if not yes and _can_ask(out):
        question = text.t("store.rm.question", names=", ".join(names), size=text.size(_bytes(store, names)))
        if not out.asks(question):
            out.say(text.t("store.rm.kept"))
            return 1
    removed = [store.remove(name) for name in names]
    rows = [{"name": one.name, "freed": one.freed, "kept_shared": one.kept_shared} for one in removed]
    told = []
    for one in removed:
        key = "store.rm.shared" if one.kept_shared else "store.rm.done"
        told.append(text.t(key, name=one.name, freed=text.size(one.freed), kept=text.size(one.kept_shared)))
    loaded = run_async(_loaded(settings.home, names))
    out.show({"removed": rows, "freed": sum(one.freed for one in removed), "still_loaded": loaded}, told, names)
    if loaded:
        out.warn(text.t("store.rm.loaded", names=", ".join(loaded)))
    return 0


async def _loaded(home: Path, names: list[str]) -> list[str]:
    """Those of *names* that the running gateway still has in memory; none where no gateway runs, or it ends just now."""
    from homeroom.engine.local import find_gateway
    from homeroom.errors import HomeroomError
    from homeroom.gateway import control

    try:
        running = await find_gateway(home)
        engines = (await control.status(running))["engines"] if running is not None else []
    except HomeroomError:  # the models are gone, which is what was asked for
        return []
    held = {str(engine["model"]) for engine in engines}
    return [name for name in names if name in held]


def _can_ask(out: Output) -> bool:
    return not out.json and sys.stdin is not None and sys.stdin.isatty() and out.stderr.isatty()


def _bytes(store: Store, names: list[str]) -> int:
    """Of the files of all *names*, a shared one once; what another model needs too is not known yet."""
    from homeroom.models.store.manifest import Manifest

    said = [store.load(store.manifest(name)) for name in names]
    files = {file.sha256: file.bytes for one in said if isinstance(one, Manifest) for file in one.files}
    return sum(files.values())
