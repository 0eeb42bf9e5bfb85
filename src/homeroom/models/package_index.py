"""Finding one wheel in the package indexes that pip is configured for.

Knows pip's configuration (files, environment, precedence) and the simple repository API (PEP 503 HTML,
PEP 691 JSON, folders of files); does not know what the wheel is for, never starts pip, never chooses a version.
"""

from __future__ import annotations

import asyncio
import configparser
import importlib.util
import json
import locale
import os
import re
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit
from urllib.request import url2pathname

from homeroom import text
from homeroom.errors import HomeroomError, NetworkFailure, SettingsError, SourceFailure
from homeroom.models.addresses import shown
from homeroom.models.disk import Sleep
from homeroom.models.http import HOPELESS, HTTP_ERRORS, Client, Credentials, Network, failure

ACCEPT: Final = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.2, text/html; q=0.01"
LARGEST_PAGE: Final = 64 << 20
MOST_LOOKUPS: Final = 3
SECTIONS: Final = ("global", "install", "download")
"""Sections of pip.conf that speak to fetching a wheel, the later over the earlier."""
ALIASES: Final = {"default-timeout": "timeout", "pypi-url": "index-url"}


# ---- what pip is configured for


@dataclass(frozen=True, slots=True)
class Place:
    """One place to look in: an index, or with ``flat`` a ``find-links`` folder, page or file. URL or path."""

    where: str = field(repr=False)
    flat: bool = False

    @property
    def shown(self) -> str:
        return shown(self.where)


@dataclass(frozen=True, slots=True)
class Config:
    """Where to look, in order, and how to reach it."""

    places: tuple[Place, ...]
    network: Network


def configuration(
    index_url: str = "",
    environment: Mapping[str, str] | None = None,
    *,
    files: tuple[Path, ...] | None = None,
) -> Config:
    """What pip, run by this user in this environment, would use.

    *index_url* (homeroom's own setting) is the one place where it is given: nothing else is asked. Without it
    the order is find-links, index-url, extra-index-url; uv's variables count where pip names no index.
    Raises SettingsError for a file or value that cannot be read.
    """
    environment = os.environ if environment is None else environment
    options = pip_options(environment, config_files(environment) if files is None else files)
    indexes = [index_url] if index_url else _indexes(options, environment)
    flat = [] if index_url else options.get("find-links", "").split()
    places = [*(Place(link, flat=True) for link in flat), *(Place(index) for index in indexes)]
    ca = options.get("cert") or environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE")
    client = options.get("client-cert")
    network = Network(
        timeout=_number(options, "timeout", 15.0),
        retries=int(_number(options, "retries", 5)),
        ca=Path(ca).expanduser() if ca else None,
        client_certificate=Path(client).expanduser() if client else None,
        proxy=options.get("proxy"),
        trusted_hosts=frozenset(options.get("trusted-host", "").split()),
        credentials=tuple(known for place in places if (known := _credentials(place.where)) is not None),
    )
    return Config(tuple(dict.fromkeys(places)), network)


def _indexes(options: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    if _true(options, "no-index"):
        return []
    extra = options.get("extra-index-url", "").split()
    if options.get("index-url"):
        return [options["index-url"], *extra]
    first = environment.get("UV_DEFAULT_INDEX") or environment.get("UV_INDEX_URL") or default_index()
    more = f"{environment.get('UV_INDEX', '')} {environment.get('UV_EXTRA_INDEX_URL', '')}".split()
    # uv lets an index have a name: NAME=URL.
    return [re.sub(r"^[A-Za-z0-9._-]+=", "", index) for index in (first, *extra, *more)]


def default_index() -> str:
    """The index that pip asks where it is told none. Only pip knows it: the one of this Python, else the one that
    Python itself carries for ``ensurepip``. Raises SettingsError where there is neither."""
    source = Path("pip", "_internal", "models", "index.py").as_posix()
    text_of: str | None = None
    found = importlib.util.find_spec("pip")
    if found is not None and found.origin is not None:
        file = Path(found.origin).parent.parent / source
        text_of = file.read_text(encoding="utf-8") if file.is_file() else None
    if (
        text_of is None
        and (carried := importlib.util.find_spec("ensurepip")) is not None
        and carried.origin is not None
    ):
        for wheel in sorted(Path(carried.origin).parent.glob("_bundled/pip-*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                text_of = archive.read(source).decode()
    match = re.search(r'^PyPI = PackageIndex\(\s*"(https://[^"]+)"', text_of or "", re.MULTILINE)
    if match is None:
        raise SettingsError("models.no_default_index")
    return f"{match[1].rstrip('/')}/simple"


def pip_options(environment: Mapping[str, str], files: tuple[Path, ...]) -> dict[str, str]:
    """pip's options by their long names (``index-url``): files in the order given, ``PIP_*`` over them.

    As in pip a section for a command wins over ``[global]`` whatever file it is in; an empty value is none.
    """
    sections: dict[str, dict[str, str]] = {name: {} for name in SECTIONS}
    for path in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding=locale.getpreferredencoding(False))
        except (configparser.Error, UnicodeDecodeError) as error:
            # The parser's own message quotes the line, which may hold a password.
            raise SettingsError("models.bad_pip_config", path=path, reason=type(error).__name__) from None
        for name in SECTIONS:
            if parser.has_section(name):
                sections[name].update({_option(key): value for key, value in parser.items(name)})
    named = {_option(key[4:]): value for key, value in environment.items() if key.startswith("PIP_")}
    merged: dict[str, str] = {}
    for source in (*sections.values(), named):
        merged.update({key: value for key, value in source.items() if value})
    return merged


def _option(name: str) -> str:
    name = name.lower().replace("_", "-").removeprefix("--")
    return ALIASES.get(name, name)


def config_files(
    environment: Mapping[str, str],
    *,
    platform: str = sys.platform,
    home: Path | None = None,
    prefix: Path | None = None,
) -> tuple[Path, ...]:
    """pip's configuration files, the later over the earlier: global, user's (legacy, new), prefix's, given.

    As pip's documentation has it ("Configuration", "Location"). ``PIP_CONFIG_FILE`` replaces the user's files
    where it exists; the null device turns all files off.
    """
    given = environment.get("PIP_CONFIG_FILE", "")
    if given == os.devnull:
        return ()
    home = Path.home() if home is None else home
    prefix = Path(sys.prefix) if prefix is None else prefix
    if platform == "win32":
        name = "pip.ini"
        system = [Path(environment.get("PROGRAMDATA") or "C:/ProgramData", "pip", name)]
        roaming = environment.get("APPDATA") or str(home / "AppData" / "Roaming")
        user = [home / "pip" / name, Path(roaming, "pip", name)]
    elif platform == "darwin":
        name = "pip.conf"
        system = [Path("/Library/Application Support/pip", name)]
        library = home / "Library" / "Application Support" / "pip"
        user = [home / ".pip" / name, (library if library.is_dir() else home / ".config" / "pip") / name]
    else:
        name = "pip.conf"
        folders = [folder for folder in environment.get("XDG_CONFIG_DIRS", "").split(":") if folder] or ["/etc/xdg"]
        system = [*(Path(folder, "pip", name) for folder in folders), Path("/etc", name)]
        user = [
            home / ".pip" / name,
            Path(environment.get("XDG_CONFIG_HOME") or home / ".config", "pip", name),
        ]
    last = [Path(given).expanduser()] if given else []
    if last and last[0].exists():
        user = []
    return (*system, *user, prefix / name, *last)


def _true(options: Mapping[str, str], name: str) -> bool:
    value = options.get(name, "no").lower()
    if value in ("1", "y", "yes", "t", "true", "on"):
        return True
    if value in ("0", "n", "no", "f", "false", "off"):
        return False
    raise SettingsError("models.bad_pip_option", name=name, value=value)


def _number(options: Mapping[str, str], name: str, default: float) -> float:
    try:
        return max(0.0, float(options.get(name, default)))
    except ValueError:
        raise SettingsError("models.bad_pip_option", name=name, value=options[name]) from None


def _credentials(url: str) -> Credentials | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.username is None:
        return None
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return Credentials(bare, unquote(parts.username), unquote(parts.password or ""))


# ---- looking


@dataclass(frozen=True, slots=True)
class Link:
    """One file that a place offers; ``path`` where it is on this machine."""

    filename: str
    url: str = field(repr=False)
    sha256: str | None
    yanked: bool
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one place said: links (whole releases before yanked ones), or why none."""

    place: Place
    links: tuple[Link, ...] = ()
    reason: str = ""
    error: HomeroomError | None = None


async def look(client: Client, place: Place, package: str, filename: str, *, sleep: Sleep = asyncio.sleep) -> Answer:
    """Ask *place* for the file *filename* of *package*. What it answers, or fails to, is never raised."""
    try:
        local = _local(place.where)
        if local is not None:
            links = _local_links(local, place, package)
        else:
            url = place.where if place.flat else _project_url(place.where, package)
            links = await _page(client, url, filename, sleep)
    except (NetworkFailure, SourceFailure) as error:
        return Answer(place, reason=_short(error), error=error)
    except OSError as error:
        return Answer(place, reason=error.strerror or type(error).__name__)
    wanted = [link for link in links if link.filename.lower() == filename.lower()]
    if not wanted:
        return Answer(place, reason=text.t("models.answer.not_there"))
    return Answer(place, tuple(sorted(wanted, key=lambda link: link.yanked)))


def not_found(package: str, answers: list[Answer]) -> HomeroomError:
    """The error for a wheel that no place gave: who answered what, or that nobody could be reached."""
    if not answers:
        return SourceFailure("models.no_index", package=package)
    told = "; ".join(f"{answer.place.shown}: {answer.reason}" for answer in answers)
    errors = [answer.error for answer in answers if answer.error is not None]
    remote = [answer for answer in answers if _local(answer.place.where) is None]
    if remote and all(isinstance(answer.error, NetworkFailure) for answer in remote):
        hopeless = next((error for error in errors if error.key in HOPELESS), None)
        return hopeless or NetworkFailure("models.no_network", package=package, answers=told)
    return SourceFailure("models.not_in_index", package=package, answers=told)


def _short(error: HomeroomError) -> str:
    if error.key == "models.refused":
        return f"HTTP {error.facts['status']}"
    reason = error.facts.get("reason")
    return str(reason) if reason else error.message


def _project_url(index: str, package: str) -> str:
    name = re.sub(r"[-_.]+", "-", package).lower()
    return f"{index.rstrip('/')}/{name}/"


async def _page(client: Client, url: str, filename: str, sleep: Sleep) -> list[Link]:
    """The links of the page *url*, or *url* itself if it is the file. Raises NetworkFailure, SourceFailure."""
    if _last(url).lower() == filename.lower():
        return [_link(url)]
    attempts = min(MOST_LOOKUPS, client.network.retries + 1)
    for attempt in range(1, attempts + 1):
        try:
            return await _ask(client, url)
        except (NetworkFailure, SourceFailure) as error:
            again = isinstance(error, NetworkFailure) or error.facts.get("status") in (
                429,
                500,
                502,
                503,
                504,
            )
            if attempt == attempts or not again or error.key in HOPELESS:
                raise
        await sleep(0.25 * attempt)
    raise AssertionError("unreachable")


async def _ask(client: Client, url: str) -> list[Link]:
    try:
        async with client.get(url, headers={"Accept": ACCEPT, "Cache-Control": "max-age=0"}) as response:
            if response.status != 200:
                raise SourceFailure("models.refused", url=shown(url), status=response.status)
            kind, base, charset = (
                response.content_type.lower(),
                str(response.url),
                response.charset or "utf-8",
            )
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > LARGEST_PAGE:
                    raise SourceFailure("models.bad_answer", url=shown(url), reason=f"> {LARGEST_PAGE}")
    except HTTP_ERRORS as error:
        raise failure(error, url) from error
    try:
        return _json_links(json.loads(body), base) if "json" in kind else _html_links(body.decode(charset), base)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise SourceFailure("models.bad_answer", url=shown(url), reason=kind or type(error).__name__) from error


def _json_links(page: Any, base: str) -> list[Link]:
    """PEP 691. Raises LookupError, TypeError or AttributeError for what is no such page."""
    return [
        Link(
            filename=str(file["filename"]),
            url=urljoin(base, file["url"]),
            sha256=file.get("hashes", {}).get("sha256"),
            yanked=bool(file.get("yanked")),
        )
        for file in page["files"]
    ]


class _Anchors(HTMLParser):
    """PEP 503: every anchor's address and whether it is yanked, and the page's base."""

    def __init__(self) -> None:
        super().__init__()
        self.base: str | None = None
        self.anchors: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        address = found.get("href")
        if tag == "base" and address and self.base is None:
            self.base = address
        elif tag == "a" and address:
            self.anchors.append((address.strip(), "data-yanked" in found))


def _html_links(page: str, base: str) -> list[Link]:
    parser = _Anchors()
    parser.feed(page)
    parser.close()
    base = urljoin(base, parser.base) if parser.base else base
    links = [_link(urljoin(base, address), yanked=yanked) for address, yanked in parser.anchors]
    # Only a page on this machine may name files of this machine.
    return [replace(link, path=_local(link.url)) for link in links] if base.startswith("file:") else links


def _link(url: str, *, yanked: bool = False) -> Link:
    address, fragment = urldefrag(url)
    digest = re.search(r"(?:^|&)sha256=([0-9a-fA-F]{64})", fragment)
    return Link(_last(address), address, digest[1].lower() if digest else None, yanked)


def _last(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])


def _local(where: str) -> Path | None:
    """The path that a ``file:`` URL or a plain path means; None for another URL."""
    if where.startswith("file:"):
        return Path(url2pathname(urlsplit(where).path))
    return None if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", where) else Path(where).expanduser()


def _local_links(path: Path, place: Place, package: str) -> list[Link]:
    """What a folder (or a page, or a file) on this machine offers. Raises OSError where it cannot be read."""
    if not place.flat:
        path = path / _project_url("", package).strip("/")
        pages = [path / "index.html"] if (path / "index.html").is_file() else []
        files = sorted(path.iterdir()) if not pages else []
    elif path.is_dir():
        files = sorted(path.iterdir())
        pages = [file for file in files if file.suffix.lower() in (".html", ".htm")]
    else:
        pages, files = ([path], []) if path.suffix.lower() in (".html", ".htm") else ([], [path])
    links = [Link(file.name, file.absolute().as_uri(), None, False, file) for file in files if file.is_file()]
    for page in pages:
        base = page.absolute().as_uri()
        links += _html_links(page.read_text(encoding="utf-8", errors="replace"), base)
    return links
