"""``homeroom verify``: read every byte of the stored models again."""

from __future__ import annotations

from typing import Any

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.stored import complete_stored, own_names
from homeroom.errors import StoreFailure
from homeroom.settings import load


@grammar.command("verify")
@grammar.argument("models", metavar="[MODEL...]", nargs=-1, shell_complete=complete_stored)
def command(out: Output, models: tuple[str, ...]) -> int:
    from homeroom.cli.progress import Bar
    from homeroom.cli.tables import Table
    from homeroom.models.store import Store
    from homeroom.models.store.verify import verify

    settings = load()
    store = Store(settings.models)
    checked = verify(store, own_names(models, settings, store) if models else None, progress=Bar(out))
    bad = [one for one in checked if one.faults]
    rest = store.prune(dry_run=True) if not models else None
    data: dict[str, Any] = {
        "whole": not bad,
        "models": [
            {
                "name": one.name,
                "state": one.state,
                "bytes": one.bytes,
                "mended": one.mended,
                "faults": [
                    {"state": fault.state, "path": str(fault.path), "at": fault.at, "reason": fault.reason}
                    for fault in one.faults
                ],
            }
            for one in checked
        ],
        "unneeded": {"count": len(rest.items), "bytes": rest.bytes} if rest is not None else None,
    }
    headings = tuple(text.t(f"store.head.{name}") for name in ("name", "size", "state"))
    rows = tuple((one.name, text.size(one.bytes), text.t(f"store.state.{one.state}")) for one in checked)
    human = Table(headings, rows, frozenset({1})) if rows else text.t("store.verify.none")
    out.show(data, [human], [one.name for one in bad])
    for one in checked:
        if one.mended:
            out.say(text.t("store.verify.mended", name=one.name))
    for one in bad:
        for fault in one.faults:
            key = "store.verify.broken" if fault.state == "broken" else "store.verify.bad"
            out.blame(StoreFailure(key, name=one.name, path=fault.path, reason=fault.reason))
    if rest is not None and rest.bytes:
        out.say(text.t("store.verify.unneeded", count=len(rest.items), size=text.size(rest.bytes)))
    return 1 if bad else 0
