"""What a reference means: the files of one GGUF model, or a repository that has none, for looking at it.

Does not download; ``offers`` lists everything that could be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from homeroom.errors import NetworkFailure, SourceFailure, UnknownModel
from homeroom.models.addresses import address
from homeroom.models.disk import Sleep
from homeroom.models.http import Client
from homeroom.models.hub_names import DEFAULTS, Endpoints, Reference, parse
from homeroom.models.hubs import formats, hugging_face, modelscope, ollama
from homeroom.models.hubs.asking import Asker
from homeroom.models.hubs.choosing import choose, kind, models_in
from homeroom.models.remote import SECONDS, RemoteFile, Traffic, files_at

_LARGEST_INDEX: Final = 24 << 20
"""``model.safetensors.index.json`` of DeepSeek-R1 is 9 MB."""
_MOST_FILES: Final = 10_000
"""Of a repository; the largest have a few thousand."""


@dataclass(frozen=True, slots=True)
class SafetensorsRepository:
    """A repository without GGUF: what its ``config.json`` and index say, as they stand there, unchecked but for JSON."""

    source: str
    config: Mapping[str, Any]
    index: Mapping[str, Any] | None
    """``model.safetensors.index.json``; None where the weights are one file."""
    files: tuple[RemoteFile, ...]
    """The ``.safetensors`` files with their sizes."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a reference means: the files of one GGUF model in order, or a safetensors repository."""

    source: str
    """``hf:ORG/REPO:Q4_K_M``: with the choice that was made."""
    files: tuple[RemoteFile, ...] = ()
    safetensors: SafetensorsRepository | None = None
    note: str | None = None
    """What the user should know of the choice, in the current language."""
    extras: tuple[RemoteFile, ...] = ()
    """Of an Ollama model: its other layers, named ``template``, ``params``, ``license``, ``system``..."""


async def find(
    client: Client,
    reference: Reference,
    ends: Endpoints,
    *,
    traffic: Traffic | None = None,
    seconds: float = SECONDS,
    sleep: Sleep = asyncio.sleep,
) -> Found:
    """What *reference* means now. Bytes of answers are added to *traffic*; it takes *seconds* at most.

    Raises UnknownModel (no such repository, file or quantization), AmbiguousModel (with the choices), NotSupported (files
    that could run code when loaded), SourceFailure, NetworkFailure.
    """
    asker = Asker(client, traffic or Traffic(), sleep, reference.shown)
    try:
        async with asyncio.timeout(seconds):
            return await _find(asker, reference, ends)
    except TimeoutError:
        raise NetworkFailure("hubs.slow", url=reference.shown, seconds=round(seconds)) from None


async def _find(asker: Asker, reference: Reference, ends: Endpoints) -> Found:
    formats.refuse_pickle(reference.choice, reference.shown)
    if reference.hub == "url":
        direct = page(reference.repository, ends)
        if isinstance(direct, Reference):
            return await _repository(asker, direct, ends)
        return Found(reference.shown, address_files(direct, ends))
    if reference.hub == "ollama":
        tag = await ollama.tag(asker, reference, ends)
        return Found(tag.source, (tag.model,), extras=tag.extras)
    return await _repository(asker, reference, ends)


def address_files(url: str, ends: Endpoints) -> tuple[RemoteFile, ...]:
    """The file at *url*, with its siblings where it is a shard. Raises NotSupported, UnknownModel."""
    files = files_at(url, ends.ms_token if url.startswith(f"{ends.ms}/") else ends.token)
    formats.refuse_pickle(files[0].name, address(url))
    return files


def page(url: str, ends: Endpoints) -> str | Reference:
    """The address of the file that a page of Hugging Face or ModelScope shows; a repository's page is a reference."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise SourceFailure("hubs.bad_url", url=address(url)) from None
    for hub, server, prefix in (("hf", ends.hf, ""), ("hf", DEFAULTS["hf"], ""), ("ms", ends.ms, "models/")):
        if urlsplit(server).netloc != parts.netloc:
            continue
        path = [unquote(part) for part in parts.path.removeprefix("/" + prefix).strip("/").split("/")]
        if (len(path) == 2 and not path[1].lower().endswith(".gguf")) or (len(path) == 4 and path[2] == "tree"):
            found = parse(f"{hub}:{path[0]}/{path[1]}")
            assert found is not None
            return found
        if len(path) > 4 and path[2] == "blob":
            return url.replace("/blob/", "/resolve/", 1)
    return url


async def repository_files(asker: Asker, reference: Reference, ends: Endpoints) -> list[RemoteFile]:
    """Every file of a repository of Hugging Face or ModelScope."""
    ask = hugging_face.files if reference.hub == "hf" else modelscope.files
    files = await ask(asker, reference.repository, ends)
    if len(files) > _MOST_FILES:
        raise SourceFailure("hubs.too_many", url=reference.shown, most=f"{_MOST_FILES:,}")
    return files


async def _repository(asker: Asker, reference: Reference, ends: Endpoints) -> Found:
    files = await repository_files(asker, reference, ends)
    groups = models_in(files)
    if groups:
        chosen, note = choose(groups, reference)
        wanted = reference.choice or kind(chosen[0].name) or ""
        return Found(Reference(reference.hub, reference.repository, wanted).shown, chosen, note=note)
    return Found(reference.shown, safetensors=await _safetensors(asker, reference, files))


async def _safetensors(asker: Asker, reference: Reference, files: Sequence[RemoteFile]) -> SafetensorsRepository:
    """What can be said without a weight of a repository that has no GGUF. Raises UnknownModel, NotSupported."""
    by_name = {file.name: file for file in files}
    config = by_name.get("config.json")
    weights = tuple(file for file in files if file.name.endswith(".safetensors") and "/" not in file.name)
    if config is None or not weights:
        raise formats.other_format(files, reference) or UnknownModel("hubs.empty", source=reference.shown)
    index = by_name.get("model.safetensors.index.json")
    return SafetensorsRepository(
        source=reference.shown,
        config=await asker.object(config),
        index=await asker.object(index, _LARGEST_INDEX) if index else None,
        files=weights,
    )
