"""``homeroom prune``: free the disk of what no model needs."""

from __future__ import annotations

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.settings import load

KINDS = ("blob", "part", "links", "note")


@grammar.command("prune")
@grammar.option("--dry-run", is_flag=True, key="help.option.prune_dry_run")
@grammar.option("--all", "everything", is_flag=True, key="store.prune.all")
def command(out: Output, dry_run: bool, everything: bool) -> int:
    from homeroom.models.store import Store

    pruned = Store(load().models).prune(dry_run=dry_run, everything=everything)
    told = []
    for kind in KINDS:
        items = [item for item in pruned.items if item.kind == kind]
        if items:
            size = text.size(sum(item.bytes for item in items))
            told.append(text.t(f"store.prune.{kind}", count=len(items), size=size))
    key = "store.prune.nothing" if not told else "store.prune.would" if dry_run else "store.prune.done"
    typed = "homeroom prune --all" if everything else "homeroom prune"
    told.append(text.t(key, size=text.size(pruned.bytes), command=typed))
    data = {
        "dry_run": dry_run,
        "busy": pruned.busy,
        "freed": pruned.bytes,
        "left": pruned.left,
        "items": [{"kind": item.kind, "path": str(item.path), "bytes": item.bytes} for item in pruned.items],
    }
    out.show(data, told, [str(item.path) for item in pruned.items])
    if pruned.left:
        out.say(text.t("store.prune.left", size=text.size(pruned.left)))
    if pruned.busy:
        out.warn(text.t("store.prune.busy"))
    return 0
