"""Fetching one file over HTTP: resumed where it stopped, checked while it streams, whole or not there at all.

Knows ranges, retries, TLS, proxies and credentials; does not know what the file is nor who publishes it
(``package_index``, ``starter``). RFC 9110 sections 13.1.5 (If-Range) and 14 (Range).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import netrc
import os
import re
import ssl
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from homeroom import text
from homeroom.errors import DigestMismatch, HomeroomError, NetworkFailure, SettingsError, SourceFailure
from homeroom.models.store import DIGEST, Lock, Sleep, disk_error, ensure_space, sync_folder

PIECE: Final = 1 << 20
LONGEST_PAUSE: Final = 30.0
MOST_REDIRECTS: Final = 10
HOPELESS: Final = frozenset({"models.certificate", "models.proxy_scheme"})
"""Failures of the network that no second attempt mends."""
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
WORTH_RETRYING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_TOKEN: Final = re.compile(r"(?=[^/]*\d)[A-Za-z0-9_-]{20,}")
_QUOTED: Final = re.compile(r"[!-~]+")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes that there will be (None: not known)."""


# ---- the way to the network


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and password for the origin (and, of several, the path) of *prefix*. Never part of a repr."""

    prefix: str
    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Network:
    """How to reach the outside: ``timeout`` in seconds without a byte, ``retries`` without progress."""

    timeout: float = 15.0
    retries: int = 5
    ca: Path | None = None
    client_certificate: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    trusted_hosts: frozenset[str] = frozenset()
    """Hosts (``host`` or ``host:port``) whose certificate is not checked."""
    credentials: tuple[Credentials, ...] = ()


class Client:
    """HTTP GET as *network* says, redirects followed, credentials sent only to the origin that they are for.

    ``async with Client(network) as client: async with client.get(url) as response: ...``
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self._checked = _tls(network)

    async def __aenter__(self) -> Client:
        wait = self.network.timeout
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._checked),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=wait, sock_read=wait),
            headers={"User-Agent": "homeroom"},
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=PIECE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    @asynccontextmanager
    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to GET *url*, whatever its status. Raises SourceFailure and what is in HTTP_ERRORS."""
        for _ in range(MOST_REDIRECTS):
            target, authorization = self._with_credentials(url)
            if target.scheme not in ("http", "https") or not target.host:
                raise SourceFailure("models.bad_url", url=shown(url))
            async with self._session.get(
                target,
                headers={**(headers or {}), **authorization},
                allow_redirects=False,
                proxy=self._proxy(target),
                ssl=self._tls_for(target),
            ) as response:
                location = response.headers.get("Location")
                if response.status not in REDIRECTS or location is None:
                    yield response
                    return
                url = urljoin(str(target), location)
        raise SourceFailure("models.redirects", url=shown(url))

    def _tls_for(self, url: URL) -> ssl.SSLContext | bool:
        trusted = self.network.trusted_hosts
        return False if trusted & {str(url.host), f"{url.host}:{url.port}"} else self._checked

    def _proxy(self, url: URL) -> str | None:
        proxy = self.network.proxy
        if proxy is None:
            found = urllib.request.getproxies()
            if not found or urllib.request.proxy_bypass(f"{url.host}:{url.port}"):
                return None
            proxy = found.get(url.scheme) or found.get("all")
        if not proxy:
            return None
        proxy = proxy if _SCHEME.match(proxy) else f"http://{proxy}"
        if not proxy.lower().startswith(("http://", "https://")):
            raise NetworkFailure("models.proxy_scheme", url=shown(str(url)))
        return proxy

    def _with_credentials(self, given: str) -> tuple[URL, dict[str, str]]:
        """*given* without its credentials, and the header with what there is: URL's, index's, then netrc's."""
        try:
            # Signed addresses must arrive as they are; only what is no address yet is quoted.
            url = URL(given, encoded=_QUOTED.fullmatch(given) is not None)
            bare = url.with_user(None).with_fragment(None)
            user, password = url.user, url.password
            if not password and (known := self._known(bare)) is not None and (user is None or known[1]):
                user, password = known
        except ValueError:
            raise SourceFailure("models.bad_url", url=shown(given)) from None
        if user is None:
            return bare, {}
        token = base64.b64encode(f"{user}:{password or ''}".encode()).decode("ascii")
        return bare, {"Authorization": f"Basic {token}"}

    def _known(self, url: URL) -> tuple[str, str] | None:
        """As pip: those of the index on this origin whose path has most in common with *url*, else netrc's."""
        fits = [known for known in self.network.credentials if URL(known.prefix).origin() == url.origin()]
        nearest = max(fits, key=lambda known: _in_common(URL(known.prefix).path, url.path), default=None)
        if nearest is not None and nearest.password:
            return nearest.user, nearest.password
        written = _netrc(str(url.host))
        return written if written is not None or nearest is None else (nearest.user, "")


def _tls(network: Network) -> ssl.SSLContext:
    try:
        ca = network.ca
        if ca is None:
            context = ssl.create_default_context()
            _add_bundle(context)
        else:
            context = ssl.create_default_context(cafile=None if ca.is_dir() else ca, capath=ca if ca.is_dir() else None)
        # As pip: a company's own authority often lacks fields that Python 3.13 began to insist on.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if network.client_certificate is not None:
            context.load_cert_chain(network.client_certificate)
    except OSError as error:  # ssl.SSLError is one
        paths = [str(path) for path in (network.ca, network.client_certificate) if path is not None]
        raise SettingsError("models.bad_certificate", path=", ".join(paths), reason=error.strerror or error) from error
    return context


def _add_bundle(context: ssl.SSLContext) -> None:
    """Python from python.org on macOS comes without certificates: take those that pip itself brings."""
    paths = ssl.get_default_verify_paths()
    if sys.platform == "win32" or paths.cafile or paths.capath:
        return
    for name in ("certifi", "pip._vendor.certifi"):
        with suppress(ImportError):
            context.load_verify_locations(__import__(name, fromlist=["where"]).where())
            return


def _netrc(host: str) -> tuple[str, str] | None:
    names = [os.environ["NETRC"]] if os.environ.get("NETRC") else ["~/.netrc", "~/_netrc"]
    for name in names:
        # No such file, no home, or one that others may write: pip passes over these too.
        with suppress(OSError, RuntimeError, netrc.NetrcParseError):
            found = netrc.netrc(Path(name).expanduser()).authenticators(host)
            if found is not None:
                return found[0], found[2]
    return None


def _in_common(one: str, other: str) -> int:
    """How many leading parts two paths share."""
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def shown(url: str) -> str:
    """*url* as people may see it: no user, no password, no query, no part of the path that looks like a token."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme == "file":
        return url
    _, at, rest = rest.rpartition("@")  # the last one: a password may hold any sign where a hand forgot to quote
    parts = re.split(r"[?#]", rest, maxsplit=1)[0].split("/")
    return scheme + mark + ("****@" if at else "") + "/".join(_TOKEN.sub("****", part) for part in parts)


def failure(error: Exception, url: str) -> HomeroomError:
    """What an exception of the HTTP library means to the user; says nothing that *url* should not show."""
    where = shown(url)
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return NetworkFailure("models.certificate", url=where)
    if isinstance(error, TimeoutError):
        return NetworkFailure("models.network", url=where, reason=text.t("models.reason.timeout"))
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return NetworkFailure("models.proxy", url=where, status=error.status)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NetworkFailure("models.network", url=where, reason=text.t("models.reason.dns"))
    if isinstance(error, ConnectionRefusedError) or isinstance(
        getattr(error, "os_error", None), ConnectionRefusedError
    ):
        return NetworkFailure("models.network", url=where, reason=text.t("models.reason.refused"))
    if isinstance(error, OSError) and error.strerror and not isinstance(error, aiohttp.ClientConnectorError):
        return NetworkFailure("models.network", url=where, reason=error.strerror)
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
        return NetworkFailure("models.network", url=where, reason=text.t("models.reason.cut"))
    return SourceFailure("models.bad_answer", url=where, reason=type(error).__name__)


HTTP_ERRORS: Final = (aiohttp.ClientError, TimeoutError, OSError)
"""What the HTTP library raises; ``failure`` tells what it means."""


# ---- one file


async def fetch(
    client: Client,
    url: str,
    target: Path,
    *,
    partial: Path,
    size: int | None,
    sha256: str,
    progress: Progress,
    spare: int = 0,
    sleep: Sleep = asyncio.sleep,
    waiting: Callable[[], None] | None = None,
) -> Path:
    """Fetch *url* to *target*, which appears only when all of it is there and its SHA-256 is *sha256*.

    What has arrived waits in ``partial/SHA256.part`` and is used by the next call, whatever ended this one.
    *size* is in bytes where it is known; *spare* more bytes are needed on the same disk afterwards. Two processes
    (or tasks) that fetch the same file do it once: the second waits, calls *waiting*, and finds it done.

    Raises NetworkFailure, SourceFailure (the server refuses), DigestMismatch (the part is deleted), DiskFull
    (the part is kept), StoreFailure.
    """
    assert DIGEST.fullmatch(sha256)
    _make(partial)
    async with Lock(partial / f"{sha256}.lock", sleep=sleep, waiting=waiting):
        if _is_there(target):
            return target
        with Part(partial, sha256) as part:
            inherited = part.size
            ensure_space(partial, max(0, (size or 0) - part.size) + spare)
            await part.recall(size, progress)
            await _fill(client, url, part, size, progress, sleep)
            if not part.good and inherited:
                # Bytes of an earlier run were not as they should be (a power cut): once more, from zero.
                part.clear()
                await _fill(client, url, part, size, progress, sleep)
            if not part.good:
                part.delete()
                raise DigestMismatch("models.digest", url=shown(url), expected=sha256, found=part.digest)
            part.finish(target)
    return target


class _Again(Exception):
    """An attempt failed in a way that another may mend; ``wait`` is what the server asked for, in seconds."""

    def __init__(self, failure: HomeroomError, wait: float | None = None) -> None:
        self.failure = failure
        self.wait = wait


async def _fill(client: Client, url: str, part: Part, size: int | None, progress: Progress, sleep: Sleep) -> None:
    """Ask until *part* is complete. Failures in a row are bounded; a piece more than ever starts a new row."""
    failures, best = 0, part.size
    while size is None or part.size != size:
        try:
            await _attempt(client, url, part, size, progress)
            return
        except _Again as again:
            failures = 1 if part.size >= best + PIECE else failures + 1
            best = max(best, part.size)
            if failures > client.network.retries:
                raise again.failure from None
            await sleep(min(LONGEST_PAUSE, 0.25 * 2**failures if again.wait is None else again.wait))


async def _attempt(client: Client, url: str, part: Part, size: int | None, progress: Progress) -> None:
    try:
        async with client.get(url, headers=part.request_headers(url)) as response:
            total = _accept(response, url, part, size)
            progress(part.size, total)
            async for piece in response.content.iter_any():
                if total is not None and part.size + len(piece) > total:
                    part.delete()
                    raise DigestMismatch("models.wrong_size", url=shown(url), expected=total, found=f">{total}")
                part.write(piece, total)
                progress(part.size, total)
    except HTTP_ERRORS as error:
        reason = failure(error, url)
        if isinstance(reason, SourceFailure) or reason.key in HOPELESS:
            raise reason from error
        raise _Again(reason) from error
    if total is not None and part.size < total:
        raise _Again(NetworkFailure("models.network", url=shown(url), reason=text.t("models.reason.cut")))


def _accept(response: aiohttp.ClientResponse, url: str, part: Part, size: int | None) -> int | None:
    """Make *part* ready for this answer's body and tell the file's size, or raise what the answer means."""
    status = response.status
    if status == 206 and part.size:
        span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
        total = int(span[3]) if span and span[3] != "*" else size
        if span is None or int(span[1]) != part.size or (size is not None and total != size):
            part.clear()
            raise _Again(SourceFailure("models.bad_range", url=shown(url)), wait=0)
        return total
    if status == 416:
        part.clear()
        raise _Again(SourceFailure("models.bad_range", url=shown(url)), wait=0)
    if status == 200:
        length = response.content_length if "Content-Encoding" not in response.headers else None
        if size is not None and length is not None and length != size:
            # A sign-in page, or another file: what has arrived before stays.
            raise DigestMismatch("models.wrong_size", url=shown(url), expected=size, found=length)
        part.clear()
        part.remember(url, response.headers)
        return size if size is not None else length
    refused = SourceFailure("models.refused", url=shown(url), status=status)
    if status in WORTH_RETRYING:
        asked = response.headers.get("Retry-After", "")
        raise _Again(refused, wait=float(asked) if asked.isdecimal() else None)
    raise refused


class Part:
    """The bytes of one file that have arrived, on disk, and their running SHA-256."""

    def __init__(self, folder: Path, sha256: str) -> None:
        self._folder = folder
        self._sha256 = sha256
        self._path = folder / f"{sha256}.part"
        self._mark = folder / f"{sha256}.mark"
        self._hash = hashlib.sha256()
        self.size = 0
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            self._file = os.fdopen(descriptor, "r+b", buffering=0)
            self.size = os.fstat(descriptor).st_size
        except OSError as error:
            raise disk_error(error, folder) from error

    def __enter__(self) -> Part:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    async def recall(self, size: int | None, progress: Progress) -> None:
        """Take the digest of what is here already, in pieces. More than *size* bytes cannot be right."""
        if size is not None and self.size > size:
            self.clear()
        there, self.size = self.size, 0
        try:
            self._file.seek(0)
            while self.size < there and (piece := self._file.read(PIECE)):
                self._hash.update(piece)
                self.size += len(piece)
                progress(self.size, size)
                await asyncio.sleep(0)
        except OSError as error:
            raise disk_error(error, self._folder) from error

    def request_headers(self, url: str) -> dict[str, str]:
        """Ask for what is missing. The digest is known beforehand, so bytes of another URL are as good."""
        headers = {"Accept-Encoding": "identity"}
        if self.size:
            headers["Range"] = f"bytes={self.size}-"
            try:
                mark = json.loads(self._mark.read_text(encoding="utf-8"))
                if mark["url"] == shown(url) and isinstance(mark["validator"], str):
                    headers["If-Range"] = mark["validator"]
            except (OSError, ValueError, KeyError, TypeError):  # not written, or by a hand that was cut off
                pass
        return headers

    def remember(self, url: str, headers: Mapping[str, str]) -> None:
        """Keep the server's validator for If-Range, which takes strong ones only."""
        etag = headers.get("ETag", "")
        validator = etag if etag.startswith('"') else headers.get("Last-Modified")
        try:
            if validator:
                self._mark.write_text(json.dumps({"url": shown(url), "validator": validator}), encoding="utf-8")
            else:
                self._mark.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, self._folder) from error

    def write(self, piece: bytes, total: int | None) -> None:
        rest = memoryview(piece)
        try:
            while rest:
                count = self._file.write(rest)
                self._hash.update(rest[:count])
                self.size += count
                rest = rest[count:]
        except OSError as error:
            raise disk_error(error, self._folder, needed=(total or 0) - self.size) from error

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    @property
    def good(self) -> bool:
        return self.digest == self._sha256

    def clear(self) -> None:
        """Forget every byte and start again."""
        if not self.size:
            return
        try:
            self._file.seek(0)
            self._file.truncate(0)
        except OSError as error:
            raise disk_error(error, self._folder) from error
        self._hash = hashlib.sha256()
        self.size = 0

    def delete(self) -> None:
        self._file.close()
        for path in (self._path, self._mark):
            with suppress(OSError):  # what cannot be deleted is cleared by the next run: its digest is wrong
                path.unlink()

    def finish(self, target: Path) -> None:
        """Give the complete file its name, so that a power cut finds all of it or none."""
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            self._path.replace(target)
            self._mark.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, target.parent) from error
        sync_folder(target.parent)


def _is_there(path: Path) -> bool:
    return path.is_file()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, folder) from error
