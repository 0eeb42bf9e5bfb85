"""Files that are no GGUF: what they are by their name, and why they are left alone.

A pickle runs code of its maker's choice when it is loaded (https://docs.python.org/3/library/pickle.html, "Warning"; NumPy's
and Keras's files may hold such code too), so all that may be one are refused by name and never fetched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from homeroom.errors import NotSupported
from homeroom.models import labels
from homeroom.models.gguf_reader import plain
from homeroom.models.hub_names import Reference
from homeroom.models.remote import RemoteFile

_PICKLES: Final = re.compile(
    r"\.(?:bin|pt|pth|ckpt|pkl|pickle|dill|joblib|npy|npz|h5|hdf5|keras|nemo|mar)(?:\.\d+|\.(?:gz|zip))?$"
    r"|(?:^|/)pytorch_model[^/]*$",
    re.IGNORECASE,
)
_TITLES: Final = {
    "awq": "AWQ",
    "gptq": "GPTQ",
    "mlx": "MLX",
    "onnx": "ONNX",
    "exl2": "EXL2",
    "exl3": "EXL3",
    "fp8": "FP8",
    "bitsandbytes": "bitsandbytes",
    "compressed-tensors": "compressed-tensors",
    "auto-round": "AutoRound",
    "hqq": "HQQ",
    "aqlm": "AQLM",
}
_SUFFIX: Final = re.compile(
    r"[-_.](?:awq|gptq(?:[-_.]?int\d)?|mlx|onnx|exl[23]|fp8(?:[-_]dynamic|[-_]block)?|bnb|4bit|6bit|8bit|int[48]|bf16|hf"
    r"|w\d+a\d+|\d+(?:\.\d+)?bpw)$",
    re.IGNORECASE,
)
_ORGANIZATIONS: Final = {"mlx-community": "unsloth", "onnx-community": "unsloth"}
"""Makers of other formats only: where to look in their place."""


def is_pickle(name: str) -> bool:
    """Whether a file of that *name* could run code when it is loaded."""
    return _PICKLES.search(name) is not None


def refuse_pickle(name: str, source: str) -> None:
    """Raises NotSupported where *name*, which *source* was asked for, could run code when it is loaded."""
    if is_pickle(name):
        raise NotSupported("hubs.pickle", source=source, name=plain(name.rpartition("/")[2]), instead=_gguf(""))


def other_format(files: Sequence[RemoteFile], reference: Reference) -> NotSupported | None:
    """Why a repository without GGUF cannot be run: what its *files* are, and where to look. None where it has no model."""
    source = Reference(reference.hub, reference.repository).shown
    instead = _gguf(reference.repository, reference.hub)
    names = [file.name for file in files]
    written = labels.read(reference.repository).format
    title = _TITLES.get(written or "")
    if title is None and any(name.lower().endswith(".onnx") for name in names):
        title = "ONNX"
    if title is None and any(name.lower().endswith(".safetensors") for name in names):
        title = "safetensors"
    if title is not None:
        return NotSupported("hubs.other_format", source=source, format=title, instead=instead)
    pickle = next((name for name in sorted(names) if is_pickle(name)), None)
    if pickle is not None:
        return NotSupported("hubs.pickles", source=source, name=plain(pickle), instead=instead)
    return None


def _gguf(repository: str, hub: str = "hf") -> str:
    """Where a GGUF of *repository* is by custom."""
    owner, slash, name = repository.partition("/")
    if not slash:
        return "hf:ORG/REPO-GGUF"
    while match := _SUFFIX.search(name):
        name = name[: match.start()]
    return f"{hub}:{_ORGANIZATIONS.get(owner, owner)}/{name}-GGUF"
