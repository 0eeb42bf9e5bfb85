"""What the store writes about a model: its name as a file's name, and its manifest. Pure.

Knows which names and which manifests may be; does not know folders (``store``). Whatever is read here may have been
written by an enemy: nothing that is accepted can name a file outside the store (the class of CVE-2024-37032).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from homeroom.errors import StoreFailure
from homeroom.models.folders import shards
from homeroom.models.gguf_reader import plain

_WORD: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(:[A-Za-z0-9._-]+)?")
_REFERENCE: Final = re.compile(
    rf"(?:hf|ms|ollama):{_WORD}(?:/{_WORD})?(?::[A-Za-z0-9_][A-Za-z0-9._+=,@()~/-]*)?", re.IGNORECASE | re.ASCII
)
_AS_IT_IS: Final = re.compile(r"[^a-z0-9._-]")
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(?=$|[ .])", re.IGNORECASE)
_ROLE: Final = re.compile(r"[a-z][a-z0-9_.-]{0,39}")
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
LONGEST_NAME: Final = 200
"""Of a name as a file's name: most file systems take 255 bytes."""
LARGEST_MANIFEST: Final = 1 << 20
LARGEST_FILE: Final = 1 << 62
MOST_FILES: Final = 1100
"""Of one model: 1,000 shards, and what comes with them."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a model, as its publisher has it."""

    role: str
    """``model`` (a GGUF, or a shard of one), ``projector``, ``template``, ``system``, ``params``, ``license``..."""
    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says; sound, which does not mean that its files are there. ``pulled_at`` is UTC."""

    name: str
    files: tuple[StoredFile, ...]
    source: str
    pulled_at: datetime
    licence: str = ""
    note: str = ""

    @property
    def model_files(self) -> tuple[StoredFile, ...]:
        return tuple(file for file in self.files if file.role == "model")


# ---- names


def valid_name(name: str) -> bool:
    """Whether *name* may name a stored model: ``NAME[:TAG]``, ``hf:ORG/REPO[:CHOICE]``, ``ms:...``, ``ollama:...``."""
    if ".." in name or not (_PLAIN.fullmatch(name) or _REFERENCE.fullmatch(name)):
        return False
    return len(file_name(name)) <= LONGEST_NAME


def file_name(name: str) -> str:
    """The file name of a valid name, one to one but for case, which macOS and Windows do not see either.

    ``:`` becomes ``@``, ``/`` becomes ``+``, other signs ``%XX``; so does a letter of what Windows takes for a device.
    """
    signs = {":": "@", "/": "+"}
    encoded = _AS_IT_IS.sub(lambda sign: signs.get(sign[0], f"%{ord(sign[0]):02x}"), name.lower())
    if _RESERVED.match(encoded):
        encoded = f"%{ord(encoded[0]):02x}{encoded[1:]}"
    return encoded[:-1] + "%2e" if encoded.endswith(".") else encoded  # Windows drops a dot at the end


def name_of(encoded: str) -> str:
    """The name, in lower case, that *encoded* is the ``file_name`` of; as it is where it is of none."""
    name = unquote_to_bytes(encoded.replace("@", ":").replace("+", "/")).decode("ascii", "replace")
    return name if valid_name(name) and file_name(name) == encoded else encoded


def plain_file_name(name: str) -> bool:
    """Whether *name* is a file's name everywhere and nothing else: no separator, no drive, no device, nothing hidden."""
    return (
        0 < len(name.encode(errors="replace")) <= 240
        and name.isprintable()
        and not set(name) & set('/\\:*?"<>|')
        and name[0] not in ". "
        and name[-1] not in ". "
        and _RESERVED.match(name) is None
    )


# ---- manifests


def written(manifest: Manifest) -> bytes:
    """*manifest* as the store keeps it: format 2, which people can read."""
    facts = {
        "format": 2,
        "name": manifest.name,
        "files": [asdict(file) for file in manifest.files],
        "source": manifest.source,
        "pulled_at": manifest.pulled_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "licence": manifest.licence,
        "note": manifest.note,
    }
    return (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode(errors="backslashreplace")


def parse(raw: bytes) -> Manifest:
    """The manifest that *raw* is, format 1 or 2. Raises ValueError or StoreFailure with what is wrong."""
    facts = json.loads(raw) if len(raw) <= LARGEST_MANIFEST else None
    if not isinstance(facts, dict) or isinstance(facts.get("format"), bool) or facts.get("format") not in (1, 2):
        raise ValueError("format")
    words = {key: facts.get(key, "") for key in ("name", "source", "pulled_at", "licence", "note")}
    for key, value in words.items():
        if not isinstance(value, str):
            raise ValueError(key)
    if not valid_name(words["name"]):
        raise StoreFailure("store.bad_name", name=_seen(words["name"]))
    files = _format_1(facts) if facts["format"] == 1 else _files(facts.get("files"))
    check_files(files)
    try:
        pulled_at = datetime.fromisoformat(words.pop("pulled_at")).astimezone(UTC)
    except (OverflowError, OSError):  # a year that the calendar does not have
        raise ValueError("pulled_at") from None
    return Manifest(files=files, pulled_at=pulled_at, **words)


def check_files(files: Sequence[StoredFile]) -> None:
    """Raise StoreFailure unless *files* can be a model's: every field sound, and the GGUF of it whole."""
    for file in files:
        if not DIGEST.fullmatch(file.sha256):
            raise StoreFailure("store.bad_digest", digest=_seen(file.sha256))
        if not _ROLE.fullmatch(file.role):
            raise StoreFailure("store.bad_role", role=_seen(file.role))
        if not plain_file_name(file.name):
            raise StoreFailure("store.bad_file_name", name=_seen(file.name))
        if not 0 <= file.bytes < LARGEST_FILE:
            raise StoreFailure("store.bad_size", name=_seen(file.name), bytes=file.bytes)
    names = [Path(file.name).name for file in files if file.role == "model"]
    if not names or len(files) > MOST_FILES or names != [path.name for path in shards(Path(names[0]))]:
        raise StoreFailure("store.bad_files", names=_seen(", ".join(names) or "-"))


def digests_in(raw: bytes) -> frozenset[str]:
    """Every digest that a manifest names, also one that cannot be understood: what may not be deleted."""
    return frozenset(match.decode() for match in re.findall(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", raw))


def _format_1(facts: dict[str, Any]) -> tuple[StoredFile, ...]:
    """Of a version that knew one file and forgot its name."""
    digest = facts.get("sha256")
    return (_file({"role": "model", "name": f"sha256-{digest}", "sha256": digest, "bytes": facts.get("bytes")}),)


def _files(listed: object) -> tuple[StoredFile, ...]:
    if not isinstance(listed, list):
        raise ValueError("files")
    return tuple(_file(one) for one in listed)


def _file(one: object) -> StoredFile:
    if not isinstance(one, dict):
        raise ValueError("files")
    kinds = {"role": str, "name": str, "sha256": str, "bytes": int}
    for key, kind in kinds.items():
        if not isinstance(one.get(key), kind) or isinstance(one[key], bool):
            raise ValueError(key)
    return StoredFile(**{key: one[key] for key in kinds})


def _seen(value: str) -> str:
    """Text out of a manifest, fit to be shown."""
    return plain(value, 80)
