"""What a pulled model is called in the store, and which stored model other words for it lead to.

A model of the catalogue is stored by its name there where it is in its usual quantization (``deepseek-r1:7b``), else with
the quantization after it (``deepseek-r1:7b-q8_0``); anything else by the reference that it came from, with the choice that
was made. So an alias, a family of which one size is here, a reference without its choice and an address lead to it too.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from homeroom.errors import AmbiguousModel
from homeroom.models import hub_names, labels
from homeroom.models.addresses import address
from homeroom.models.inspect import model_stem
from homeroom.models.store.manifest import valid_name

if TYPE_CHECKING:
    from homeroom.models.catalogue import Entry
    from homeroom.models.hub_names import Reference
    from homeroom.models.store import Store, StoredModel

_LONGEST_STEM: Final = 100


def name_of(entry: Entry, quantization: str) -> str:
    """The stored name of a model of the catalogue in *quantization*."""
    return entry.name if quantization == entry.default_quantization else f"{entry.name}-{quantization.lower()}"


def name_at(url: str) -> str:
    """The stored name of the model at *url*: its file's, as far as that can be a name."""
    stem = model_stem(unquote(address(url).rpartition("/")[2]))
    return re.sub(r"[^A-Za-z0-9._-]+|\.{2,}", "-", stem)[:_LONGEST_STEM].strip("-._") or "model"


def name_from(source: str) -> str:
    """The stored name of what came from the reference *source*: the same, as far as that can be a name."""
    if valid_name(source):
        return source
    hub, repository, choice = [*source.split(":", 2), "", ""][:3]
    name = f"{hub}:{repository}:" + re.sub(r"[^A-Za-z0-9._+=,@()~/-]+|\.{2,}", "-", choice).strip("-./")
    return name if valid_name(name) else f"{hub}:{repository}:{hashlib.sha256(choice.encode()).hexdigest()[:12]}"


def spelled(words: str) -> tuple[Entry, str] | None:
    """The entry and the quantization of a stored name whose quantization is another maker's: ``deepseek-r1:7b-ud-q4_k_xl``."""
    from homeroom.models import catalogue

    known = {entry.name.lower(): entry for entry in catalogue.entries()}
    name = words.strip().lower()
    for at in (match.start() for match in re.finditer("-", name)):
        if (entry := known.get(name[:at])) is not None and _quantized(name, name[:at]):
            return entry, name[at + 1 :].upper()
    return None


def stored(words: str, store: Store) -> StoredModel | None:
    """The stored model that *words* lead to though they are not its name; None where there is none.

    Raises AmbiguousModel where there are several (``deepseek-r1`` with two sizes here), UnknownModel for what begins as a
    reference and is none.
    """
    reference = hub_names.parse(words)
    models = store.all().models
    found = _of_catalogue(words, models) if reference is None else _from(reference, models)
    if len(found) > 1:
        choices = ", ".join(model.name for model in found)
        raise AmbiguousModel("pull.several_here", model=words, choices=choices, first=found[0].name)
    return found[0] if found else None


def _from(reference: Reference, models: tuple[StoredModel, ...]) -> list[StoredModel]:
    """Those that came from *reference*, in the choice that it names; of one without a choice, in any."""
    shown = reference.shown.lower()
    if reference.hub == "ollama" and not reference.choice:
        shown += ":latest"
    known = [({model.name.lower(), model.source.lower()}, model) for model in models]
    exact = [model for names, model in known if shown in names]
    if exact or reference.hub in ("url", "ollama"):
        return exact[:1]
    if reference.choice:
        return [model for model in models if _is_choice(model, reference)]
    return [model for names, model in known if any(name.startswith(f"{shown}:") for name in names)]


def _is_choice(model: StoredModel, reference: Reference) -> bool:
    """Whether *model* came from the repository of *reference* and its file says the choice, which its name does not."""
    whole = f"{reference.hub}:{reference.repository}".lower()
    if whole not in (model.name.lower(), model.source.lower()):
        return False
    said = labels.read(model.model_files[0].name).quantization
    return said is not None and said.lower() == reference.choice.lower()


def _of_catalogue(words: str, models: tuple[StoredModel, ...]) -> list[StoredModel]:
    from homeroom.models import catalogue

    members = family(words)
    try:
        found = catalogue.resolve(words)
    except AmbiguousModel:
        found = None
    if found is not None and found.asked:
        return [model for model in models if model.name.lower() == name_of(found.entry, found.quantization).lower()]
    here = _of_entry(found.entry, models) if found is not None else []
    return here or [model for entry in members for model in _of_entry(entry, models)]


def family(words: str) -> tuple[Entry, ...]:
    """The models of the catalogue that *words* name together: the sizes of ``deepseek-r1``; none for one of its own."""
    from homeroom.models import catalogue

    if any(entry.title == words.strip() for entry in catalogue.entries()):
        return ()
    members = [entry for entry in catalogue.entries() if entry.name.partition(":")[0].lower() == words.strip().lower()]
    return tuple(members) if len(members) > 1 else ()


def _of_entry(entry: Entry, models: tuple[StoredModel, ...]) -> list[StoredModel]:
    """The one in the usual quantization, else in any."""
    usual = [model for model in models if model.name.lower() == entry.name.lower()]
    return usual or [model for model in models if _quantized(model.name.lower(), entry.name.lower())]


def _quantized(name: str, of: str) -> bool:
    """Whether *name* is *of* and a quantization after it."""
    rest = name.removeprefix(f"{of}-")
    return rest != name and (labels.read(rest).quantization or "").lower() == rest
