"""``homeroom verify``: read every byte of the stored models again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.stored import complete_stored, own_names
from homeroom.errors import StoreFailure
from homeroom.settings import load

if TYPE_CHECKING:
    from homeroom.models.store import Store
    from homeroom.models.store.cleaning import Pruned
    from homeroom.models.store.verify import Checked, Fault


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
    rest = None if models else _unneeded(store)
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
    for fault, names in _faults(bad).items():
        out.blame(_error(fault, names))
    if rest is not None and rest.bytes:
        out.say(text.t("store.verify.unneeded", count=len(rest.items), size=text.size(rest.bytes)))
    return 1 if bad else 0


def _unneeded(store: Store) -> Pruned | None:
    """What no model needs; None where a manifest cannot be read, which the models' table tells."""
    try:
        return store.prune(dry_run=True)
    except StoreFailure:
        return None


def _faults(bad: list[Checked]) -> dict[Fault, list[str]]:
    """Each fault once, with the names of the models that have it: they may share a file."""
    found: dict[Fault, list[str]] = {}
    for one in bad:
        for fault in one.faults:
            found.setdefault(fault, []).append(one.name)
    return found


def _error(fault: Fault, names: list[str]) -> StoreFailure:
    if len(names) > 1:
        told = {"names": ", ".join(names), "name": names[0], "typed": " ".join(names)}
        return StoreFailure("store.verify.bad_several", reason=fault.reason, **told)
    key = "store.verify.broken" if fault.state == "broken" else "store.verify.bad"
    return StoreFailure(key, name=names[0], path=fault.path, reason=fault.reason)
