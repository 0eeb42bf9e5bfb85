"""The way to the network: HTTP GET with pip's certificates, proxies and credentials, and what its failures mean.

Knows TLS, proxies, redirects and whom credentials are for; does not know what is fetched (``download``) nor where
the configuration comes from (``package_index``).
"""

from __future__ import annotations

import base64
import netrc
import os
import re
import ssl
import sys
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from homeroom import text
from homeroom.errors import HomeroomError, NetworkFailure, SettingsError, SourceFailure
from homeroom.models.addresses import Token, shown
from homeroom.models.disk import PIECE

MOST_REDIRECTS: Final = 10
HOPELESS: Final = frozenset({"models.certificate", "models.proxy_scheme"})
"""Failures of the network that no second attempt mends."""
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_QUOTED: Final = re.compile(r"[!-~]+")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


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
    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, token: Token | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to GET *url*, whatever its status; its ``url`` is where the redirects led.

        *token* goes to its own origin only, however the redirects lead. Raises SourceFailure and what is in HTTP_ERRORS.
        """
        for _ in range(MOST_REDIRECTS):
            target, authorization = self._with_credentials(url)
            if target.scheme not in ("http", "https") or not target.host:
                raise SourceFailure("models.bad_url", url=shown(url))
            if token is not None and token.fits(target):
                authorization = token.headers
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
                try:
                    url = urljoin(str(target), location)
                except ValueError:
                    raise SourceFailure("models.bad_answer", url=shown(str(target)), reason="Location") from None
        raise SourceFailure("models.redirects", url=shown(url))

    def direct(self, url: URL) -> bool:
        """Whether no proxy is between here and *url*."""
        return self._proxy(url) is None

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
    if isinstance(error, UnicodeError):  # a host name that cannot be one (``idna``)
        return SourceFailure("models.bad_url", url=where)
    return SourceFailure("models.bad_answer", url=where, reason=type(error).__name__)


HTTP_ERRORS: Final = (aiohttp.ClientError, TimeoutError, OSError, UnicodeError)
"""What the HTTP library raises; ``failure`` tells what it means."""
