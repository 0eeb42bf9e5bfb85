"""Model hubs on loopback for tests: the APIs of Hugging Face, ModelScope and the Ollama registry, and every way to misbehave.

``async with HubServer() as hub: hub.publish("org/repo", "m.gguf", path); ... hub.url``. It runs in the test's own event
loop, as two servers: the hub itself, and the store of files that it redirects to with signed addresses, which is another
origin. ``hub.asked`` is what was asked for, in order. The hubs' own clients download from it (``test_hub_clients``).

Shapes: https://huggingface.co/docs/hub/api and ``hf_api.py`` of huggingface_hub (tree: ``type``, ``path``, ``size``,
``lfs.oid``, a Link header between pages; ``X-Error-Code`` in ``utils/_http.py``; ``X-Repo-Commit``, ``X-Linked-Size``,
``X-Linked-Etag`` in ``file_download.py``); ``_legacy_api.py`` of modelscope_hub (``Code``,
``Data.Files[].Path/Size/Sha256/Type``); https://distribution.github.io/distribution/spec/api/ (manifests and blobs) and
.../spec/auth/token/ (the challenge), with the media types of ollama/ollama's ``server/internal/manifest``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

PIECE = 1 << 16
SIGNED = "X-Signature=s3cr3t%2F%2Bsigned"
COMMIT = "5a1f" * 10
"""The commit of every repository."""


@dataclass
class Asked:
    """One request. ``server``: ``hub`` or ``files``; ``sent``: bytes of the body that were written."""

    server: str
    path: str
    headers: dict[str, str]
    status: int = 200
    sent: int = 0

    @property
    def range(self) -> str:
        return self.headers.get("Range", "")

    @property
    def authorization(self) -> str:
        return self.headers.get("Authorization", "")


@dataclass
class Behaviour:
    """How the requests that follow are treated; those of files unless it says otherwise."""

    redirect: bool = True
    """Whether the hub leads to a signed address of the other server, or sends files itself."""
    elsewhere: str = ""
    """Where the hub leads to in place of the signed address."""
    signature_lasts: int = -1
    """Requests after which a signed address is answered with 403; -1: it lasts."""
    ranges: bool = True
    statuses: deque[int] = field(default_factory=deque)
    """What the next requests for a file are answered with; 200 is to serve it."""
    retry_after: str = ""
    cuts: deque[int] = field(default_factory=deque)
    """After how many bytes of the body the next answers are cut off; -1 is not at all."""
    shift: int = 0
    """Added to the first byte of each Content-Range."""
    total: str = ""
    """Told in Content-Range (or Content-Length, without ranges) in place of the true size."""
    etags: deque[str] = field(default_factory=deque)
    """Those of the next answers, in place of the true one."""
    encoding: str = ""
    kind: str = "application/octet-stream"
    most: int = 0
    """The most bytes that one answer has, whatever was asked for; 0: as many as asked for."""
    more: bool = False
    """Whether each ranged answer goes on to the file's end, whatever was asked for."""
    length: bool = True
    rate: float = 0
    """Bytes a second, 0 for as fast as it goes."""
    silence: float = 0
    """Seconds before an answer begins."""
    gated: bool = False
    token: str = ""
    """What the hub wants to see as a bearer token; empty for open."""
    challenge: str = ""
    """The token that the registry sends everybody to fetch from its token server first; empty for none."""
    realm: str = ""
    """Where that server is, in place of the true one."""
    api_headers: dict[str, str] = field(default_factory=dict)
    """Of the answers that refuse."""
    api_statuses: deque[int] = field(default_factory=deque)
    api_encoding: str = ""
    """The Content-Encoding that answers of an API say they have."""
    api_body: bytes | None = None
    """Answered by every API in place of the truth."""
    api_cut: int = -1
    """After how many bytes an API's answers are cut off; -1 is not at all."""
    api_silence: float = 0
    """Seconds before a listing begins."""
    page: int = 1000
    """Entries on one page of a tree."""


class HubServer:
    """``url`` serves all three hubs and, under ``/files/``, every file by its plain name."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self.asked: list[Asked] = []
        self._repositories: dict[str, dict[str, Path | bytes]] = {}
        self._digests: dict[int, str] = {}
        self._blobs: dict[str, Path | bytes] = {}
        self._manifests: dict[str, Any] = {}
        self._signed: dict[str, Path | bytes] = {}
        self._uses: dict[str, int] = {}

    async def __aenter__(self) -> HubServer:
        hub, files = web.Application(), web.Application()
        revision = f"{{revision:main|{COMMIT}}}"
        hub.router.add_get("/api/models/{repo:[^/]+/[^/]+}", self._model)
        hub.router.add_get(f"/api/models/{{repo:[^/]+/[^/]+}}/revision/{revision}", self._model)
        hub.router.add_get(f"/api/models/{{repo:.+}}/tree/{revision}", self._tree)
        hub.router.add_get("/api/v1/models/{repo:.+}/repo/files", self._modelscope)
        hub.router.add_get("/api/v1/models/{repo:[^/]+/[^/]+}/repo", self._modelscope_file)
        hub.router.add_get("/token", self._token)
        hub.router.add_get("/v2/{name:.+}/manifests/{tag}", self._manifest)
        hub.router.add_get("/v2/{name:.+}/blobs/sha256:{digest}", self._blob)
        hub.router.add_get("/models/{repo:[^/]+/[^/]+}/resolve/master/{name:.+}", self._resolve)
        hub.router.add_get(f"/{{repo:[^/]+/[^/]+}}/resolve/{revision}/{{name:.+}}", self._resolve)
        hub.router.add_get("/files/{name:.+}", self._plain)
        files.router.add_get("/{key}/{name:.+}", self._stored)
        self._runners = [web.AppRunner(application, shutdown_timeout=0.1) for application in (hub, files)]
        ports = []
        for runner in self._runners:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            ports.append(int(runner.addresses[0][1]))
        self.url, self.store_url = (f"http://127.0.0.1:{port}" for port in ports)
        return self

    async def __aexit__(self, *_: object) -> None:
        for runner in self._runners:
            await runner.cleanup()

    def publish(self, repository: str, name: str, content: Path | bytes) -> str:
        """Put a file into a repository; its plain address."""
        self._repositories.setdefault(repository, {})[name] = content
        return f"{self.url}/files/{repository}/{name}"

    def push(self, name: str, tag: str, layers: list[tuple[str, Path | bytes]], file_type: str = "") -> None:
        """Put a model into the registry: its layers by the last part of their media type, and what it says of itself."""
        listed = []
        for kind, content in layers:
            digest = self.digest(content)
            self._blobs[digest] = content
            media = f"application/vnd.ollama.image.{kind}"
            listed.append({"mediaType": media, "digest": f"sha256:{digest}", "size": _size(content)})
        said = json.dumps({"model_format": "gguf", "file_type": file_type, "rootfs": {}} if file_type else {}).encode()
        self._blobs[self.digest(said)] = said
        config = {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": f"sha256:{self.digest(said)}",
            "size": len(said),
        }
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        self._manifests[f"{name}:{tag}"] = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": listed}

    def digest(self, content: Path | bytes) -> str:
        """SHA-256; a file's is worked out once."""
        return hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else _digest(content)

    @property
    def sent(self) -> int:
        """Bytes of all bodies that were written."""
        return sum(one.sent for one in self.asked)

    def requests(self, server: str) -> list[Asked]:
        return [one for one in self.asked if one.server == server]

    # ---- the APIs

    def _note(self, request: web.Request, server: str = "hub") -> Asked:
        asked = Asked(server, request.path_qs, dict(request.headers))
        self.asked.append(asked)
        return asked

    def _refused(self, request: web.Request, asked: Asked, known: bool) -> web.Response | None:
        does = self.behaviour
        status, code = 0, ""
        if does.api_statuses and asked.path.startswith(("/api/", "/v2/")):
            status = does.api_statuses.popleft()
        elif does.gated:
            status, code = 403, "GatedRepo"
        elif does.token and request.headers.get("Authorization") != f"Bearer {does.token}":
            status, code = 401, "RepoNotFound"
        elif not known:
            status, code = 404, "RepoNotFound"
        if not status or status == 200:
            return None
        asked.status = status
        headers = {"X-Error-Code": code, "Retry-After": does.retry_after, **does.api_headers}
        return web.json_response(
            {"error": "no"}, status=status, headers={name: value for name, value in headers.items() if value}
        )

    def _answer(self, asked: Asked, truth: Any, headers: dict[str, str] | None = None) -> web.Response:
        body = json.dumps(truth).encode() if self.behaviour.api_body is None else self.behaviour.api_body
        asked.sent = len(body)
        response = web.Response(body=body, content_type="application/json", headers=headers)
        if self.behaviour.api_encoding:
            response.headers["Content-Encoding"] = self.behaviour.api_encoding
        if self.behaviour.api_cut >= 0:
            response.headers["Content-Length"] = str(len(body))
            response.body = body[: self.behaviour.api_cut]
            response.force_close()
        return response

    async def _model(self, request: web.Request) -> web.Response:
        asked, repository = self._note(request), request.match_info["repo"]
        if (refused := self._refused(request, asked, repository in self._repositories)) is not None:
            return refused
        files = [{"rfilename": name} for name in self._repositories[repository]]
        return self._answer(asked, {"_id": "1", "id": repository, "sha": COMMIT, "siblings": files, "private": False})

    async def _tree(self, request: web.Request) -> web.Response:
        asked, repository = self._note(request), request.match_info["repo"]
        await asyncio.sleep(self.behaviour.api_silence)
        if (refused := self._refused(request, asked, repository in self._repositories)) is not None:
            return refused
        assert request.query.get("recursive", "").lower() == "true"
        listed: list[dict[str, Any]] = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": "folder"}]
        for name, content in self._repositories[repository].items():
            entry: dict[str, Any] = {"type": "file", "oid": "1" * 40, "size": _size(content), "path": name}
            if not name.endswith(".json"):
                entry["lfs"] = {"oid": self.digest(content), "size": _size(content), "pointerSize": 134}
            listed.append(entry)
        start, page = int(request.query.get("cursor", "0")), self.behaviour.page
        headers = {}
        if start + page < len(listed):
            headers["Link"] = f'<{self.url}{request.path}?recursive=true&cursor={start + page}>; rel="next"'
        return self._answer(asked, listed[start : start + page], headers)

    async def _modelscope(self, request: web.Request) -> web.Response:
        asked, repository = self._note(request), request.match_info["repo"]
        if (refused := self._refused(request, asked, repository in self._repositories)) is not None:
            return refused
        files = [{"Name": "folder", "Path": "folder", "Type": "tree", "Size": 0, "Sha256": ""}]
        files += [
            {
                "Name": name.rpartition("/")[2],
                "Path": name,
                "Type": "blob",
                "Size": _size(content),
                "Sha256": self.digest(content),
                "IsLFS": True,
            }
            for name, content in self._repositories[repository].items()
        ]
        return self._answer(asked, {"Code": 200, "Success": True, "Message": "success", "Data": {"Files": files}})

    async def _manifest(self, request: web.Request) -> web.Response:
        asked, key = self._note(request), f"{request.match_info['name']}:{request.match_info['tag']}"
        if (
            refused := self._challenged(request, asked) or self._refused(request, asked, key in self._manifests)
        ) is not None:
            return refused
        assert "manifest.v2+json" in request.headers["Accept"]
        return self._answer(asked, self._manifests[key])

    def _challenged(self, request: web.Request, asked: Asked) -> web.Response | None:
        """Who has no token is told where to get one."""
        does = self.behaviour
        if not does.challenge or request.headers.get("Authorization") == f"Bearer {does.challenge}":
            return None
        asked.status = 401
        scope = f"repository:{request.match_info['name']}:pull"
        told = f'Bearer realm="{does.realm or self.url + "/token"}",service="registry",scope="{scope}"'
        return web.json_response({"errors": []}, status=401, headers={"WWW-Authenticate": told})

    async def _token(self, request: web.Request) -> web.Response:
        asked = self._note(request)
        assert request.query["service"] == "registry" and request.query["scope"].endswith(":pull")
        return self._answer(asked, {"token": self.behaviour.challenge})

    # ---- the files

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        content = self._repositories.get(request.match_info["repo"], {}).get(request.match_info["name"])
        return await self._lead(request, content, request.match_info["name"])

    async def _modelscope_file(self, request: web.Request) -> web.StreamResponse:
        name = request.query["FilePath"]
        return await self._lead(request, self._repositories.get(request.match_info["repo"], {}).get(name), name)

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        if self.behaviour.challenge:
            assert request.headers.get("Authorization") == f"Bearer {self.behaviour.challenge}"
        return await self._lead(request, self._blobs.get(request.match_info["digest"]), "blob")

    async def _plain(self, request: web.Request) -> web.StreamResponse:
        owner, _, rest = request.match_info["name"].partition("/")
        repository, _, name = rest.partition("/")
        return await self._lead(request, self._repositories.get(f"{owner}/{repository}", {}).get(name), name)

    async def _lead(self, request: web.Request, content: Path | bytes | None, name: str) -> web.StreamResponse:
        asked = self._note(request)
        if (refused := self._refused(request, asked, content is not None)) is not None:
            return refused
        assert content is not None
        linked = {"X-Repo-Commit": COMMIT, "X-Linked-Size": str(_size(content))}
        linked["X-Linked-Etag"] = f'"{self.digest(content)}"'
        if not self.behaviour.redirect or name.endswith(".json"):
            return await self._send(request, asked, content, {"X-Repo-Commit": COMMIT})
        key = f"{len(self._signed)}"
        self._signed[key] = content
        asked.status = 302
        leads = self.behaviour.elsewhere or f"{self.store_url}/{key}/{quote(name)}?{SIGNED}"
        return web.Response(status=302, headers={"Location": leads, **linked})

    async def _stored(self, request: web.Request) -> web.StreamResponse:
        asked, key = self._note(request, "files"), request.match_info["key"]
        self._uses[key] = self._uses.get(key, 0) + 1
        expired = 0 <= self.behaviour.signature_lasts < self._uses[key]
        if expired or SIGNED not in request.raw_path:
            asked.status = 403
            return web.Response(status=403, text="expired")
        return await self._send(request, asked, self._signed[key])

    async def _send(
        self, request: web.Request, asked: Asked, content: Path | bytes, more: dict[str, str] | None = None
    ) -> web.StreamResponse:
        does, size = self.behaviour, _size(content)
        await asyncio.sleep(does.silence)
        status = does.statuses.popleft() if does.statuses else 200
        if status != 200:
            asked.status = status
            return web.Response(status=status, headers={"Retry-After": does.retry_after} if does.retry_after else {})
        etag = does.etags.popleft() if does.etags else f'"{self.digest(content)[:16]}"'
        headers = {"Content-Type": does.kind, "ETag": etag, **(more or {})}
        if does.encoding:
            headers["Content-Encoding"] = does.encoding
        start, end = 0, size
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if span is not None and does.ranges:
            start, end = int(span[1]), min(int(span[2] or size - 1) + 1, size)
            if start >= size:
                asked.status = 416
                return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
            end = size if does.more else min(end, start + does.most) if does.most else end
            asked.status = 206
            headers["Content-Range"] = f"bytes {start + does.shift}-{end - 1 + does.shift}/{does.total or size}"
        response = web.StreamResponse(status=asked.status, headers=headers)
        if does.length:
            told = does.total if does.total.isdigit() and asked.status == 200 else ""
            response.content_length = int(told) if told else end - start
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        cut = does.cuts.popleft() if does.cuts else -1
        try:
            async for piece in _paced(content, start, end, cut, does.rate):
                await response.write(piece)
                asked.sent += len(piece)
        except ConnectionError:  # the client has heard enough
            return response
        if cut >= 0:
            await asyncio.sleep(0.02)  # let what was written reach the other end
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write_eof()
        return response


def head(path: Path, count: int) -> bytes:
    """The first *count* bytes of a file."""
    with path.open("rb") as file:
        return file.read(count)


@cache
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(content: Path | bytes) -> int:
    return content.stat().st_size if isinstance(content, Path) else len(content)


async def _paced(content: Path | bytes, start: int, end: int, cut: int, rate: float) -> AsyncIterator[bytes]:
    end = end if cut < 0 else min(end, start + cut)
    while start < end:
        count = min(PIECE, end - start)
        if isinstance(content, bytes):
            yield content[start : start + count]
        else:
            with content.open("rb") as file:
                file.seek(start)
                yield file.read(count)
        start += count
        if rate:
            await asyncio.sleep(count / rate)
