"""The GGUF models among a repository's files, with all of their shards, and which of them is meant.

Knows names only: what is in a file its header decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from homeroom import text
from homeroom.errors import AmbiguousModel, UnknownModel
from homeroom.models import labels
from homeroom.models.gguf_reader import plain
from homeroom.models.hub_names import Reference
from homeroom.models.inspect import first_shard, model_stem, shard_names
from homeroom.models.quantization import TENSOR_TYPES
from homeroom.models.remote import RemoteFile

PREFERRED: Final = "Q4_K_M"
"""What is taken where none is asked for: the size that most people run."""
Group = tuple[RemoteFile, ...]
"""The files of one model, in order."""
_MOST_CHOICES: Final = 40
_BITS: Final = {kind.name: kind.bits for kind in TENSOR_TYPES.values()}
_FAR: Final = 99.0
"""Bits between what is known and what is not: after all that is known."""


def models_in(files: Iterable[RemoteFile]) -> list[Group]:
    """The GGUF models among *files*, each with all of its shards that are there, in order, sorted by name."""
    groups: dict[str, dict[str, RemoteFile]] = {}
    for file in files:
        folder, _, name = file.name.rpartition("/")
        if not name.lower().endswith(".gguf") or {"projector", "imatrix"} & set(labels.read(name).roles):
            continue
        groups.setdefault(f"{folder}/{first_shard(name)}", {})[name] = file
    return [tuple(group[name] for name in sorted(group)) for _, group in sorted(groups.items())]


def kind(name: str) -> str | None:
    """The quantization that a file's name says, else that of the folder it lies in."""
    parts = name.split("/")
    return labels.read(parts[-1]).quantization or (labels.read(parts[-2]).quantization if len(parts) > 1 else None)


def called(groups: Sequence[Group]) -> list[str]:
    """What each of *groups* is asked for by: its quantization, or its file's name where that does not tell it from others."""
    kinds = [kind(group[0].name) for group in groups]
    often = Counter(kinds)
    return [
        said if said is not None and often[said] == 1 else group[0].name
        for group, said in zip(groups, kinds, strict=True)
    ]


def meant(groups: Sequence[Group], wanted: str) -> list[Group]:
    """Those of *groups* that *wanted* names: a file's name, a quantization, a dynamic build where there is no other."""
    kinds = [kind(group[0].name) for group in groups]
    found = [group for group in groups if wanted.lower() in _spellings(group[0].name)]
    found = found or [group for group, said in zip(groups, kinds, strict=True) if _same(said, wanted)]
    return found or [group for group, said in zip(groups, kinds, strict=True) if _same(said, f"UD-{wanted}")]


def choose(groups: Sequence[Group], reference: Reference, *, command: str = "show") -> tuple[Group, str | None]:
    """The one of *groups* (models by their files) that *reference* means, and a note where the choice was not the user's.

    *command* is what an error tells to type: for a ``pull`` it lists only what the engine can load. Raises UnknownModel
    where there is none such (or its shards are not complete), AmbiguousModel where there are several.
    """
    wanted, source = reference.choice, Reference(reference.hub, reference.repository).shown
    note = None
    if wanted:
        found = meant(groups, wanted)
    elif len(groups) == 1:
        found = list(groups)
    else:
        found = [group for group in groups if kind(group[0].name) == PREFERRED]
        note = text.t("hubs.took", quantization=PREFERRED)
    if len(found) == 1:
        if missing := lacking(found[0]):
            listed = ", ".join(missing[:_MOST_CHOICES])
            name = model_stem(found[0][0].name.rpartition("/")[2])
            raise UnknownModel("hubs.shard_missing", source=source, name=name, missing=listed)
        return found[0], note
    among: Sequence[Group] = found or groups
    if command == "pull":
        among = runnable(among)
    choices, example = offered(among, wanted if not found else "")
    about = {"source": source, "choices": choices, "example": example, "command": command}
    if wanted and not found:
        raise UnknownModel("hubs.no_such_quant", wanted=plain(wanted), **about)
    raise AmbiguousModel("hubs.choose", **about)


def runnable(groups: Sequence[Group]) -> Sequence[Group]:
    """Those that the engine can load as far as names tell; all of them where it can load none."""
    return [group for group in groups if labels.read(group[0].name).runs_here is not False] or groups


def offered(groups: Sequence[Group], near: str = "") -> tuple[str, str]:
    """The models by what tells them apart, with sizes, smallest first, or nearest in bits to the quantization *near*; and
    the first of them."""
    names = called(groups)
    sizes = [sum(file.size or 0 for file in group) for group in groups]
    aim = _bits(near)

    def far(at: int) -> float:
        if aim is None:
            return 0.0
        bits = _bits(kind(groups[at][0].name) or "")
        return _FAR if bits is None else abs(bits - aim)

    order = sorted(range(len(names)), key=lambda at: (far(at), sizes[at], names[at]))
    listed = [f"{names[at]} ({text.size(sizes[at])})" if sizes[at] else names[at] for at in order]
    more = ["\u2026"] if len(listed) > _MOST_CHOICES else []
    return ", ".join(listed[:_MOST_CHOICES] + more), names[order[0]]


def _bits(quantization: str) -> float | None:
    """Bits of an element of most tensors in *quantization*, about; None for what is none."""
    name = quantization.upper().removeprefix("UD-")
    while name and name not in _BITS:
        name = name.rpartition("_")[0]
    return _BITS.get(name)


def lacking(group: Group) -> list[str]:
    """The names of shards that are not there."""
    names = [file.name.rpartition("/")[2] for file in group]
    there = set(names)
    return [name for name in shard_names(names[0]) if name not in there]


def _same(said: str | None, wanted: str) -> bool:
    return said is not None and said.lower() == wanted.lower()


def _spellings(name: str) -> set[str]:
    """What a file may be called: its path, its name, either without suffix and shard number."""
    name = name.lower()
    folder, slash, last = name.rpartition("/")
    return {name, last, model_stem(last), folder + slash + model_stem(last)}
