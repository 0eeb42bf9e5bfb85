"""What the words of ``rm`` and ``verify`` mean: a model of homeroom's own store, whole or broken.

Knows whose a model is that homeroom did not fetch, and with what its owner deletes it; deletes nothing.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from homeroom.errors import HomeroomError, UnknownModel
from homeroom.settings import Settings, load

if TYPE_CHECKING:
    from homeroom.models.neighbours import Neighbour
    from homeroom.models.store import Store


def complete_stored(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names in the store that begin with *incomplete*, those of broken models too."""
    from homeroom.models.store import Store

    try:
        names = Store(load().models).all().names
    except HomeroomError:  # the command itself will tell
        return []
    return [CompletionItem(name) for name in names if name.lower().startswith(incomplete.lower())]


def own_names(words: tuple[str, ...], settings: Settings, store: Store, *, delete: bool = False) -> list[str]:
    """The stored name that each of *words* means, each once. With *delete* the error for a model that somebody else keeps
    tells how it is deleted there. Raises UnknownModel, AmbiguousModel."""
    return list(dict.fromkeys(_own_name(word.strip(), settings, store, delete) for word in words))


def _own_name(word: str, settings: Settings, store: Store, delete: bool) -> str:
    from homeroom.models import pulled
    from homeroom.models.store import valid_name

    for name in (word, word.removesuffix(":latest")):
        if valid_name(name) and store.manifest(name).exists():
            known = store.load(store.manifest(name))
            return known.name if known is not None else name
    if (stored := pulled.stored(word, store)) is not None:
        return stored.name
    raise _not_ours(word, settings, delete) or _unknown(word, store)


def _not_ours(word: str, settings: Settings, delete: bool) -> UnknownModel | None:
    """The error for a model that somebody else keeps; to *delete* it, with what that program's command is."""
    from homeroom.models import names
    from homeroom.models.addresses import typed
    from homeroom.models.neighbours import neighbours

    if names.is_a_path(word):
        return UnknownModel(
            "store.not_ours.file" if delete else "store.verify.not_ours", name=typed(word), path=typed(word)
        )
    wanted = {word.lower(), word.removesuffix(":latest").lower()}
    known = neighbours(settings)
    found = [one for one in known if one.name.lower() in wanted] or [one for one in known if wanted & one.aliases]
    if not found:
        return None
    one = found[0]
    return whose(one) if delete else UnknownModel("store.verify.not_ours", name=one.name, path=one.path)


def whose(model: Neighbour) -> UnknownModel:
    """The error that tells who keeps *model*, and what to type there to delete it."""
    keeper = model.keeper.replace(".", "_")
    theirs = model.name.partition(":")[2] or model.name
    repository = theirs.partition(":")[0]
    return UnknownModel(
        f"store.not_ours.{keeper}", name=model.name, path=model.path, theirs=theirs, repository=repository
    )


def _unknown(word: str, store: Store) -> UnknownModel:
    from homeroom.models.addresses import typed

    known = {name.lower(): name for name in store.all().names}
    close = difflib.get_close_matches(word.lower(), known, n=3, cutoff=0.5)
    if close:
        return UnknownModel("store.unknown_but", model=typed(word), close=", ".join(known[name] for name in close))
    return UnknownModel("store.unknown", model=typed(word))
