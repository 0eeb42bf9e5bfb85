"""What a hub has: Hugging Face, ModelScope, the Ollama registry, plain addresses. For looking, not for fetching.

Knows how each is asked, and how one model of a repository is chosen; does not know the forms of names (``hub_names``),
what is in a file (``remote``), nor what a ``config.json`` means. All that a hub says is hostile until checked: sizes of
answers, types, names of files. Protocols: https://huggingface.co/docs/hub/api (tree, resolve, X-Error-Code), the
``modelscope`` package (``hub/api.py``: repo/files, resolve), https://distribution.github.io/distribution/spec/api/
(manifests, blobs) with the media types of ``ollama/ollama`` (``server/internal/manifest``).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote, urljoin, urlsplit

from homeroom import text
from homeroom.errors import AmbiguousModel, NetworkFailure, SourceFailure, UnknownModel
from homeroom.models import labels
from homeroom.models.disk import Sleep
from homeroom.models.gguf_reader import plain
from homeroom.models.http import HTTP_ERRORS, Client, Token, address
from homeroom.models.hub_names import DEFAULTS, Endpoints, Reference, parse
from homeroom.models.inspect import first_shard, model_stem, shard_names
from homeroom.models.ollama_manifest import layers
from homeroom.models.remote import SECONDS, RemoteFile, Traffic, files_at, refusal, retry_after, told

PREFERRED: Final = "Q4_K_M"
"""What is taken where none is asked for: the size that most people run."""
_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
_SHA256: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")

_LARGEST_LISTING: Final = 4 << 20
_MOST_PAGES: Final = 16
_LARGEST_CONFIG: Final = 2 << 20
_LARGEST_INDEX: Final = 24 << 20
"""``model.safetensors.index.json`` of DeepSeek-R1 is 9 MB."""
_MOST_CHOICES: Final = 40
_MOST_FILES: Final = 10_000
"""Of a repository; the largest have a few thousand."""
_RETRIES: Final = 2
_LONGEST_PAUSE: Final = 10.0


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

    Raises UnknownModel (no such repository, file or quantization), AmbiguousModel (with the choices), SourceFailure,
    NetworkFailure.
    """
    asker = _Asker(client, traffic or Traffic(), sleep, reference.shown)
    try:
        async with asyncio.timeout(seconds):
            return await _find(asker, reference, ends)
    except TimeoutError:
        raise NetworkFailure("hubs.slow", url=reference.shown, seconds=round(seconds)) from None


async def _find(asker: _Asker, reference: Reference, ends: Endpoints) -> Found:
    if reference.hub == "url":
        direct = _page(reference.repository, ends)
        if isinstance(direct, Reference):
            return await _repository(asker, direct, ends)
        return Found(reference.shown, files_at(direct, ends.token))
    if reference.hub == "ollama":
        return await _ollama(asker, reference, ends)
    return await _repository(asker, reference, ends)


def _page(url: str, ends: Endpoints) -> str | Reference:
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


async def _repository(asker: _Asker, reference: Reference, ends: Endpoints) -> Found:
    """A repository of Hugging Face or ModelScope."""
    files = await (_hf_files if reference.hub == "hf" else _ms_files)(asker, reference, ends)
    if len(files) > _MOST_FILES:
        raise SourceFailure("hubs.too_many", url=reference.shown, most=f"{_MOST_FILES:,}")
    groups = models_in(files)
    if groups:
        chosen, note = choose(groups, reference)
        wanted = reference.choice or (_kind(chosen[0].name) if len(groups) > 1 else None) or ""
        return Found(Reference(reference.hub, reference.repository, wanted).shown, chosen, note=note)
    repository = await _safetensors(asker, reference, files)
    return Found(reference.shown, safetensors=repository)


async def _hf_files(asker: _Asker, reference: Reference, ends: Endpoints) -> list[RemoteFile]:
    """``GET /api/models/ORG/REPO/tree/main?recursive=true``: a list, in pages that a Link header joins."""
    repository, token = quote(reference.repository), ends.token
    url: str | None = f"{ends.hf}/api/models/{repository}/tree/main?recursive=true"
    files: list[RemoteFile] = []
    for _ in range(_MOST_PAGES):
        if url is None:
            break
        answer, following = await asker.json(url, _LARGEST_LISTING, token=token)
        for entry in _list(answer, url):
            if not isinstance(entry, dict) or entry.get("type") != "file":
                continue
            lfs = entry.get("lfs")
            lfs = lfs if isinstance(lfs, dict) else {}
            file = _file(entry.get("path"), lfs.get("size", entry.get("size")), lfs.get("oid"))
            if file is not None:
                where = f"{ends.hf}/{repository}/resolve/main/{quote(file.name)}"
                files.append(RemoteFile(file.name, where, file.size, file.sha256, token))
        url = following if following and following.startswith(f"{ends.hf}/") else None
    return files


async def _ms_files(asker: _Asker, reference: Reference, ends: Endpoints) -> list[RemoteFile]:
    """``GET /api/v1/models/ORG/REPO/repo/files``: ``{"Code": 200, "Data": {"Files": [...]}}``."""
    repository = quote(reference.repository)
    url = f"{ends.ms}/api/v1/models/{repository}/repo/files?Revision=master&Recursive=true"
    answer, _ = await asker.json(url, _LARGEST_LISTING)
    data = answer.get("Data") if isinstance(answer, dict) else None
    if isinstance(answer, dict) and answer.get("Code") in (404, "404"):
        raise UnknownModel("hubs.not_there", url=reference.shown)
    files: list[RemoteFile] = []
    for entry in _list(data.get("Files") if isinstance(data, dict) else None, url):
        if not isinstance(entry, dict) or entry.get("Type") == "tree":
            continue
        file = _file(entry.get("Path"), entry.get("Size"), entry.get("Sha256"))
        if file is not None:
            where = f"{ends.ms}/models/{repository}/resolve/master/{quote(file.name)}"
            files.append(RemoteFile(file.name, where, file.size, file.sha256))
    return files


def _list(answer: Any, url: str) -> list[Any]:
    if not isinstance(answer, list):
        raise SourceFailure("hubs.bad_answer", url=address(url), reason=type(answer).__name__)
    return answer


def _file(path: Any, size: Any, sha256: Any) -> RemoteFile | None:
    """A file of a listing; None for one whose name could lead out of the repository or is not fit to be shown."""
    if not isinstance(path, str) or not path.isprintable() or len(path) > 400 or "\\" in path:
        return None
    if any(part in ("", ".", "..") for part in path.split("/")):
        return None
    whole = size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 1 << 62 else None
    digest = _SHA256.fullmatch(sha256.lower()) if isinstance(sha256, str) else None
    return RemoteFile(path, "", whole, digest[1] if digest else None)


def models_in(files: Iterable[RemoteFile]) -> list[tuple[RemoteFile, ...]]:
    """The GGUF models among *files*, each with all of its shards that are there, in order, sorted by name."""
    groups: dict[str, list[RemoteFile]] = {}
    for file in files:
        folder, _, name = file.name.rpartition("/")
        label = labels.read(name)
        if not name.lower().endswith(".gguf") or {"projector", "imatrix"} & set(label.roles):
            continue
        groups.setdefault(f"{folder}/{first_shard(name)}", []).append(file)
    return [tuple(sorted(group, key=lambda file: file.name)) for _, group in sorted(groups.items())]


def _kind(name: str) -> str | None:
    """The quantization that a file's name says, else that of the folder it lies in."""
    parts = name.split("/")
    return labels.read(parts[-1]).quantization or (labels.read(parts[-2]).quantization if len(parts) > 1 else None)


def choose(groups: Sequence[tuple[RemoteFile, ...]], reference: Reference) -> tuple[tuple[RemoteFile, ...], str | None]:
    """The one of *groups* (models by their files) that *reference* means, and a note where the choice was not the user's.

    Raises UnknownModel where there is none such (or its shards are not complete), AmbiguousModel where there are several.
    """
    wanted, source = reference.choice, Reference(reference.hub, reference.repository).shown
    kinds = [_kind(group[0].name) for group in groups]
    note = None
    if wanted:
        found = [group for group in groups if wanted.lower() in _spellings(group[0].name)]
        found = found or [group for group, kind in zip(groups, kinds, strict=True) if _same(kind, wanted)]
        found = found or [group for group, kind in zip(groups, kinds, strict=True) if _same(kind, f"UD-{wanted}")]
    elif len(groups) == 1:
        found = list(groups)
    else:
        found = [group for group, kind in zip(groups, kinds, strict=True) if kind == PREFERRED]
        note = text.t("hubs.took", quantization=PREFERRED)
    if len(found) == 1:
        _complete(found[0], source)
        return found[0], note
    choices, example = _choices(found or groups)
    if wanted and not found:
        raise UnknownModel("hubs.no_such_quant", source=source, wanted=plain(wanted), choices=choices, example=example)
    raise AmbiguousModel("hubs.choose", source=source, choices=choices, example=example)


def _same(kind: str | None, wanted: str) -> bool:
    return kind is not None and kind.lower() == wanted.lower()


def _spellings(name: str) -> set[str]:
    """What a file may be called: its path, its name, either without suffix and shard number."""
    name = name.lower()
    folder, slash, last = name.rpartition("/")
    return {name, last, model_stem(last), folder + slash + model_stem(last)}


def _choices(groups: Sequence[tuple[RemoteFile, ...]]) -> tuple[str, str]:
    """The models by what tells them apart, with sizes; and the first of them."""
    kinds = [_kind(group[0].name) for group in groups]
    often = Counter(kinds)
    names = [
        kind if kind is not None and often[kind] == 1 else group[0].name
        for group, kind in zip(groups, kinds, strict=True)
    ]
    sizes = [sum(file.size or 0 for file in group) for group in groups]
    order = sorted(range(len(names)), key=lambda at: (sizes[at], names[at]))
    listed = [f"{names[at]} ({text.size(sizes[at])})" if sizes[at] else names[at] for at in order]
    more = ["\u2026"] if len(listed) > _MOST_CHOICES else []
    return ", ".join(listed[:_MOST_CHOICES] + more), names[order[0]]


def _complete(group: tuple[RemoteFile, ...], source: str) -> None:
    names = [file.name.rpartition("/")[2] for file in group]
    there = set(names)
    missing = [name for name in shard_names(names[0]) if name not in there]
    if missing:
        listed = ", ".join(missing[:_MOST_CHOICES])
        raise UnknownModel("hubs.shard_missing", source=source, name=model_stem(names[0]), missing=listed)


async def _safetensors(asker: _Asker, reference: Reference, files: Sequence[RemoteFile]) -> SafetensorsRepository:
    """What can be said without a weight of a repository that has no GGUF. Raises UnknownModel where it has no model."""
    by_name = {file.name: file for file in files}
    config = by_name.get("config.json")
    weights = tuple(file for file in files if file.name.endswith(".safetensors") and "/" not in file.name)
    if config is None or not weights:
        raise UnknownModel("hubs.empty", source=reference.shown)
    index = by_name.get("model.safetensors.index.json")
    return SafetensorsRepository(
        source=reference.shown,
        config=await asker.object(config, _LARGEST_CONFIG),
        index=await asker.object(index, _LARGEST_INDEX) if index else None,
        files=weights,
    )


async def _ollama(asker: _Asker, reference: Reference, ends: Endpoints) -> Found:
    """``GET /v2/NAMESPACE/NAME/manifests/TAG``: layers, of which one is the GGUF."""
    base = f"{ends.ollama}/v2/{quote(reference.repository)}"
    tag = reference.choice or "latest"
    url = f"{base}/manifests/{quote(tag)}"
    answer, _ = await asker.json(url, _LARGEST_CONFIG, accept=_MANIFEST)
    try:
        found = layers(answer)
    except ValueError as error:
        raise SourceFailure("hubs.bad_answer", url=address(url), reason=error) from None
    name = f"{reference.repository.rpartition('/')[2]}-{tag}.gguf"
    files = [
        RemoteFile(
            name if layer.kind == "model" else layer.kind,
            f"{base}/blobs/sha256:{layer.sha256}",
            layer.size,
            layer.sha256,
        )
        for layer in found
    ]
    models = [file for file, layer in zip(files, found, strict=True) if layer.kind == "model"]
    extras = [file for file, layer in zip(files, found, strict=True) if layer.kind != "model"]
    if len(models) != 1:
        raise UnknownModel("hubs.not_gguf_layer", source=reference.shown)
    return Found(Reference("ollama", reference.repository, tag).shown, tuple(models), extras=tuple(extras))


class _Asker:
    """Asks a hub for JSON, of bounded size, again where that may help."""

    def __init__(self, client: Client, traffic: Traffic, sleep: Sleep, source: str) -> None:
        self._source = source
        self._client = client
        self._traffic = traffic
        self._sleep = sleep

    async def object(self, file: RemoteFile, limit: int) -> Mapping[str, Any]:
        """The JSON object that *file* is."""
        answer, _ = await self.json(file.url, limit, token=file.token)
        if not isinstance(answer, dict):
            raise SourceFailure("hubs.bad_answer", url=address(file.url), reason=type(answer).__name__)
        return answer

    async def json(
        self, url: str, limit: int, *, token: Token | None = None, accept: str = "application/json"
    ) -> tuple[Any, str | None]:
        """The answer to GET *url*, and the address of the page after it where there is one."""
        for attempt in range(_RETRIES + 1):
            try:
                async with self._client.get(
                    url, headers={"Accept": accept, "Accept-Encoding": "identity"}, token=token
                ) as response:
                    if response.status != 200:
                        if response.status in (429, 500, 502, 503, 504) and attempt < _RETRIES:
                            asked = retry_after(response)
                            await self._sleep(min(_LONGEST_PAUSE, 2.0**attempt if asked is None else asked))
                            continue
                        raise refusal(response, self._source)
                    link = re.search(r'<([^<>]{1,2000})>\s*;\s*rel="next"', response.headers.get("Link", ""))
                    content = await self._content(response.content, url, limit)
                    return _parsed(content, url), _following(url, link[1]) if link else None
            except SourceFailure as error:
                raise told(error, url) from None
            except HTTP_ERRORS as error:
                if attempt == _RETRIES:
                    raise told(error, url) from error
                await self._sleep(2.0**attempt)
        raise AssertionError("unreachable")

    async def _content(self, body: Any, url: str, limit: int) -> bytes:
        content = bytearray()
        async for piece in body.iter_any():
            content += piece
            self._traffic.add(len(piece), url)
            if len(content) > limit:
                raise SourceFailure("hubs.too_much", url=address(url), limit=text.size(limit))
        return bytes(content)


def _following(url: str, link: str) -> str:
    try:
        return urljoin(url, link)
    except ValueError:
        raise SourceFailure("hubs.bad_answer", url=address(url), reason="Link") from None


def _parsed(content: bytes, url: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceFailure("hubs.bad_answer", url=address(url), reason=type(error).__name__) from None
