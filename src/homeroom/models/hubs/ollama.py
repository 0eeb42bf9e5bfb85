"""Models of the Ollama registry, or of another registry that holds some.

Sources: https://distribution.github.io/distribution/spec/api/ (manifests, blobs) and .../spec/auth/token/ (the challenge
that a registry may answer with), the media types of ``ollama/ollama`` (``server/internal/manifest``) and the fields of
its configuration (``types/model``: ``model_format``, ``file_type``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from homeroom.errors import HomeroomError, NotSupported, SourceFailure, UnknownModel
from homeroom.models.addresses import Token, address
from homeroom.models.hub_names import SECRET, Endpoints, Reference
from homeroom.models.hubs.asking import LARGEST_OBJECT, Asker
from homeroom.models.ollama_manifest import digest, layers
from homeroom.models.remote import RemoteFile

_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
_FILE_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,20}")
_KIND: Final = re.compile(r"[a-z][a-z0-9_-]*")
"""Of a layer: a word that may be a file's name."""
_LARGEST_CONFIG: Final = 1 << 16
_PARAMETER: Final = re.compile(r'(realm|service|scope)="([^"]{1,1000})"')
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Tag:
    """What a tag means now: the GGUF, the other layers by their kind, and where its configuration is."""

    source: str
    """``ollama:NAME:TAG``."""
    model: RemoteFile
    extras: tuple[RemoteFile, ...]
    config: RemoteFile | None


async def tag(asker: Asker, reference: Reference, ends: Endpoints) -> Tag:
    """``GET /v2/NAMESPACE/NAME/manifests/TAG``: layers, of which one is the GGUF."""
    base = f"{ends.ollama}/v2/{quote(reference.repository)}"
    name = reference.choice or "latest"
    url = f"{base}/manifests/{quote(name)}"
    shown = Reference("ollama", reference.repository, name).shown
    try:
        answer, token = await _manifest(asker, url, ends)
    except UnknownModel as error:
        if error.key != "hubs.not_there":
            raise
        model = reference.repository.removeprefix("library/")
        page = reference.repository if model != reference.repository else model
        raise UnknownModel("hubs.no_such_tag", name=shown, model=model, tag=name, page=page) from None
    try:
        found = layers(answer)
    except ValueError as error:
        raise SourceFailure("hubs.bad_answer", url=address(url), reason=str(error)) from None
    if any(layer.kind == "adapter" for layer in found):
        raise NotSupported("hubs.adapter", source=shown)
    model = f"{reference.repository.rpartition('/')[2]}-{name}.gguf"
    files = [
        RemoteFile(
            name=model if layer.kind == "model" else layer.kind,
            url=f"{base}/blobs/sha256:{layer.sha256}",
            size=layer.size,
            sha256=layer.sha256,
            token=token,
        )
        for layer in found
        if _KIND.fullmatch(layer.kind)
    ]
    models = [file for file in files if file.name == model]
    if len(models) != 1:
        raise UnknownModel("hubs.not_gguf_layer", source=shown)
    return Tag(shown, models[0], tuple(file for file in files if file is not models[0]), _config(answer, base, token))


async def claimed_quantization(asker: Asker, found: Tag) -> str | None:
    """What the tag's configuration says that the file is (``Q4_K_M``): a claim, where the header is not at hand."""
    if found.config is None:
        return None
    try:
        said = (await asker.object(found.config, _LARGEST_CONFIG)).get("file_type")
    except HomeroomError:  # the claim is for show; the file itself is what counts
        return None
    return said.upper() if isinstance(said, str) and _FILE_TYPE.fullmatch(said) else None


def _config(manifest: Any, base: str, token: Token | None) -> RemoteFile | None:
    listed = manifest.get("config")
    sha256 = digest(listed.get("digest")) if isinstance(listed, dict) else None
    return RemoteFile("config", f"{base}/blobs/sha256:{sha256}", token=token) if sha256 else None


async def _manifest(asker: Asker, url: str, ends: Endpoints) -> tuple[Any, Token | None]:
    """The manifest, and the token that it took: one for everybody, where the registry asks for it."""
    try:
        answer, _ = await asker.json(url, LARGEST_OBJECT, accept=_MANIFEST)
        return answer, None
    except SourceFailure as error:
        if error.key != "hubs.forbidden" or not asker.challenge.lower().startswith("bearer "):
            raise
        token = await _token(asker, asker.challenge, ends)
        if token is None:
            raise
    answer, _ = await asker.json(url, LARGEST_OBJECT, accept=_MANIFEST, token=token)
    return answer, token


async def _token(asker: Asker, challenge: str, ends: Endpoints) -> Token | None:
    """The token that the challenge's ``realm`` gives to anybody; None where it names no server that may be asked."""
    said = dict(_PARAMETER.findall(challenge))
    realm = said.pop("realm", "")
    try:
        parts, own = urlsplit(realm), urlsplit(ends.ollama)
    except ValueError:
        return None
    near = parts.hostname in LOOPBACK and own.hostname not in LOOPBACK
    if parts.scheme not in ("http", "https") or (parts.scheme == "http" and own.scheme == "https") or near:
        return None
    join = "&" if parts.query else "?"
    answer, _ = await asker.json(f"{realm}{join}{urlencode(said)}", _LARGEST_CONFIG)
    given = (answer.get("token") or answer.get("access_token")) if isinstance(answer, dict) else None
    return Token(ends.ollama, given) if isinstance(given, str) and SECRET.fullmatch(given) else None
