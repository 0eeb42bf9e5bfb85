"""Where a wheel is looked for: pip's own configuration, compared with pip itself, and real index pages."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeroom.errors import NetworkFailure, SettingsError, SourceFailure
from homeroom.models import package_index
from homeroom.models.http import Client, Network
from homeroom.models.package_index import Answer, Config, Place, config_files, configuration, default_index, look
from support.index_server import IndexServer

NAME = "Some_Model-1.0-py3-none-any.whl"
WHEEL = b"not really a wheel" * 100
DIGEST = hashlib.sha256(WHEEL).hexdigest()
CLOSED = "http://user:s3cret@127.0.0.1:9/simple"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture
async def index() -> AsyncIterator[IndexServer]:
    async with IndexServer() as server:
        server.add("some-model", WHEEL, NAME)
        yield server


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


async def answers(config: Config) -> list[Answer]:
    async with Client(config.network) as client:
        return [await look(client, place, "Some.Model", NAME, sleep=no_sleep) for place in config.places]


async def ask(place: Place, network: Network | None = None) -> Answer:
    return (await answers(Config((place,), network or Network(timeout=5))))[0]


def conf(path: Path, **sections: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()) for name, keys in sections.items()
    ]
    path.write_text("\n".join(lines))
    return path


def where(config: Config) -> list[str]:
    return [place.where for place in config.places]


# ---- pip's configuration


def test_files_on_linux_in_pip_s_order(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_DIRS": "/etc/one:/etc/two"}
    found = config_files(environment, platform="linux", home=Path("/home/u"), prefix=Path("/venv"))
    assert [path.as_posix() for path in found] == [
        "/etc/one/pip/pip.conf",
        "/etc/two/pip/pip.conf",
        "/etc/pip.conf",
        "/home/u/.pip/pip.conf",
        "/home/u/.config/pip/pip.conf",
        "/venv/pip.conf",
    ]
    given = conf(tmp_path / "given.conf")
    found = config_files({"PIP_CONFIG_FILE": str(given)}, platform="linux", home=Path("/home/u"), prefix=Path("/venv"))
    assert [path.as_posix() for path in found] == [
        "/etc/xdg/pip/pip.conf",
        "/etc/pip.conf",
        "/venv/pip.conf",
        str(given),
    ]
    assert config_files({"PIP_CONFIG_FILE": os.devnull}) == ()


def test_files_on_macos_and_windows(tmp_path: Path) -> None:
    home = tmp_path / "u"
    mac = config_files({}, platform="darwin", home=home, prefix=Path("/venv"))
    assert mac[0] == Path("/Library/Application Support/pip/pip.conf") and mac[2] == home / ".config/pip/pip.conf"
    (home / "Library/Application Support/pip").mkdir(parents=True)
    mac = config_files({}, platform="darwin", home=home, prefix=Path("/venv"))
    assert mac[2] == home / "Library/Application Support/pip/pip.conf"
    windows = config_files({"APPDATA": "C:/Users/u/Roaming"}, platform="win32", home=home, prefix=Path("C:/venv"))
    assert [path.as_posix() for path in windows] == [
        "C:/ProgramData/pip/pip.ini",
        (home / "pip/pip.ini").as_posix(),
        "C:/Users/u/Roaming/pip/pip.ini",
        "C:/venv/pip.ini",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="the folders are given by POSIX variables")
@pytest.mark.parametrize("given", [False, True])
def test_pip_itself_reads_the_same_files_and_options(tmp_path: Path, given: bool) -> None:
    pytest.importorskip("pip", reason="this environment was made without pip")
    home = tmp_path / "home"
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PIP_RETRIES": "4"}
    environment |= {"XDG_CONFIG_DIRS": f"{tmp_path / 'a'}:{tmp_path / 'b'}", "PIP_EXTRA_INDEX_URL": ""}
    conf(tmp_path / "a/pip/pip.conf", **{"global": {"index-url": "https://a.example", "timeout": "1"}})
    conf(tmp_path / "b/pip/pip.conf", **{"global": {"index-url": "https://b.example"}})
    conf(home / ".pip/pip.conf", **{"global": {"timeout": "2", "proxy": "http://p.example:1"}})
    conf(
        home / ".config/pip/pip.conf",
        **{"global": {"timeout": "3", "extra_index_url": "https://x.example\n https://y.example"}},
    )
    if given:
        environment["PIP_CONFIG_FILE"] = str(conf(tmp_path / "c.conf", **{"global": {"retries": "9", "no-index": "0"}}))
    code = (
        "import json\n"
        "from pip._internal.configuration import Configuration\n"
        "c = Configuration(isolated=False); c.load()\n"
        "files = [n for kind in ('global', 'user', 'site', 'env') for k, ns in c.iter_config_files() if k == kind for n in ns]\n"
        "print(json.dumps([files, dict(c.items())]))\n"
    )
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True, text=True)
    files, options = json.loads(told.stdout)
    ours = config_files(environment, home=home)
    assert [str(path) for path in ours] == files
    if isinstance(next(iter(options.values())), dict):  # pip 25 tells the file of each value too
        options = {key: value for of_file in options.values() for key, value in of_file.items()}
    for name, value in package_index.pip_options(environment, ours).items():
        assert value == (options.get(f":env:.{name}") or options[f"global.{name}"]), name


def test_precedence_of_sections_files_and_environment(tmp_path: Path) -> None:
    low = conf(
        tmp_path / "low.conf",
        **{"global": {"timeout": "1", "retries": "1"}, "install": {"index-url": "https://i.example"}},
    )
    high = conf(
        tmp_path / "high.conf",
        **{"global": {"timeout": "2", "index-url": "https://g.example"}, "freeze": {"retries": "7"}},
    )
    config = configuration(environment={"PIP_DEFAULT_TIMEOUT": "30"}, files=(low, high))
    assert where(config) == ["https://i.example"], "a command's section wins over [global] of any file"
    assert (config.network.timeout, config.network.retries) == (30.0, 1)
    config = configuration(environment={"PIP_INDEX_URL": "https://e.example", "PIP_TIMEOUT": ""}, files=(low, high))
    assert where(config) == ["https://e.example"] and config.network.timeout == 2.0


def test_every_option_has_its_place(tmp_path: Path) -> None:
    written = {
        "extra-index-url": "\n  https://one.example/simple\n  https://two.example/simple",
        "find-links": "/srv/wheels https://links.example/page.html",
        "trusted-host": "one.example two.example:8443",
        "cert": str(tmp_path / "ca.pem"),
        "client-cert": str(tmp_path / "me.pem"),
        "proxy": "proxy.example:3128",
    }
    config = configuration(environment={}, files=(conf(tmp_path / "pip.conf", **{"global": written}),))
    assert config.places == (
        Place("/srv/wheels", flat=True),
        Place("https://links.example/page.html", flat=True),
        Place(default_index()),
        Place("https://one.example/simple"),
        Place("https://two.example/simple"),
    )
    network = config.network
    assert network.trusted_hosts == {"one.example", "two.example:8443"}
    assert (network.ca, network.client_certificate) == (tmp_path / "ca.pem", tmp_path / "me.pem")
    assert network.proxy == "proxy.example:3128"


def test_the_setting_is_the_only_place(tmp_path: Path) -> None:
    file = conf(
        tmp_path / "pip.conf", **{"global": {"extra-index-url": "https://x.example", "retries": "2", "no-index": "yes"}}
    )
    config = configuration("https://mine.example/simple", {"PIP_FIND_LINKS": "/srv"}, files=(file,))
    assert where(config) == ["https://mine.example/simple"] and config.network.retries == 2


def test_no_index_leaves_the_links() -> None:
    config = configuration(
        environment={"PIP_NO_INDEX": "true", "PIP_FIND_LINKS": "/srv", "PIP_INDEX_URL": "https://x"}, files=()
    )
    assert config.places == (Place("/srv", flat=True),)
    nothing = package_index.not_found("p", [])
    assert isinstance(nothing, SourceFailure) and nothing.next


def test_uv_s_variables_count_where_pip_names_no_index(tmp_path: Path) -> None:
    uv = {"UV_INDEX_URL": "https://old.example", "UV_INDEX": "name=https://more.example https://last.example"}
    assert where(configuration(environment=uv, files=())) == [
        "https://old.example",
        "https://more.example",
        "https://last.example",
    ]
    assert (
        where(configuration(environment=uv | {"UV_DEFAULT_INDEX": "https://new.example"}, files=()))[0]
        == "https://new.example"
    )
    assert where(configuration(environment=uv | {"PIP_INDEX_URL": "https://pip.example"}, files=())) == [
        "https://pip.example"
    ]
    assert where(configuration(environment={}, files=())) == [default_index()]


@pytest.mark.parametrize("name", ["PIP_NO_INDEX", "PIP_TIMEOUT", "PIP_RETRIES"])
def test_a_value_that_cannot_be(name: str) -> None:
    with pytest.raises(SettingsError, match="perhaps"):
        configuration(environment={name: "perhaps"}, files=())


def test_a_file_that_is_none_does_not_tell_its_secrets(tmp_path: Path) -> None:
    path = tmp_path / "pip.conf"
    path.write_text("https://me:s3cret@index.example")
    with pytest.raises(SettingsError, match=r"pip\.conf") as told:
        configuration(environment={}, files=(path,))
    assert "s3cret" not in str(told.value) and told.value.next


def test_a_configuration_never_shows_credentials() -> None:
    config = configuration("https://me:s3cret@index.example/simple", {"PIP_PROXY": "http://a:s3cret@p"}, files=())
    assert "s3cret" not in repr(config) and config.places[0].shown == "https://****@index.example/simple"
    assert config.network.credentials[0].password == "s3cret"


# ---- asking an index


@pytest.mark.parametrize("json_page", [True, False])
@pytest.mark.parametrize("base", [True, False])
async def test_a_page_is_read_whatever_the_index_speaks(index: IndexServer, json_page: bool, base: bool) -> None:
    index.behaviour.json, index.behaviour.base = json_page, base
    answer = await ask(Place(index.url + "/"))
    assert [(link.filename, link.sha256, link.yanked) for link in answer.links] == [(NAME, DIGEST, False)]
    assert answer.links[0].url == index.file(NAME)
    assert index.pages[0][0] == "/simple/some-model/", "the project's name is normalised"


@pytest.mark.parametrize("json_page", [True, False])
async def test_yanked_and_without_digest(index: IndexServer, json_page: bool) -> None:
    index.behaviour.json, index.behaviour.yanked, index.behaviour.advertised = json_page, True, ""
    link = (await ask(Place(index.url))).links[0]
    assert link.yanked and link.sha256 is None, "a version that is named exactly is taken, yanked or not"


async def test_credentials_of_an_index_reach_it(index: IndexServer) -> None:
    index.behaviour.password = "me:s3cret"
    config = configuration(index.with_credentials("me:s3cret"), {}, files=())
    assert (await answers(config))[0].links
    refused = (await answers(configuration(index.with_credentials("me:wr0ng"), {}, files=())))[0]
    assert refused.reason == "HTTP 401" and "wr0ng" not in repr(refused)


async def test_each_index_s_answer_is_told(index: IndexServer) -> None:
    """404, 500, another project's page, nobody there, no page at all: all in the message, nothing secret in it."""
    async with IndexServer() as broken, IndexServer() as empty:
        broken.behaviour.page_status = 500
        places = (
            Place(broken.url),
            Place(empty.url),
            Place(CLOSED),
            Place("file:///no/such/folder"),
            Place(f"{index.origin}/x?t=s3cret"),
        )
        told = await answers(Config(places, Network(timeout=5)))
    error = package_index.not_found("some-model 1.0", told)
    assert isinstance(error, SourceFailure)
    for part in ("HTTP 500", "HTTP 404", "connection refused", "No such file", "****@127.0.0.1:9"):
        assert part in error.message, part
    assert "s3cret" not in str(error) and error.next
    assert len(broken.pages) == 3, "a server's own failure is asked again, twice"


async def test_nobody_could_be_reached() -> None:
    told = await answers(Config((Place(CLOSED), Place("/no/such/folder", flat=True)), Network(timeout=5)))
    error = package_index.not_found("some-model 1.0", told)
    assert isinstance(error, NetworkFailure) and "homeroom pull starter" in str(error.next)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize("page", [b"[]", b'{"files": 7}', b"{", b'{"files": [{"url": "x"}]}', b"\xff" * 100, b""])
async def test_a_page_that_is_none(page: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        kind = b"application/vnd.pypi.simple.v1+json"
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            % (kind, len(page))
            + page
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        told = await ask(Place(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/simple"))
    assert not told.links and told.reason


async def test_a_remote_page_cannot_name_a_file_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(WHEEL)
    page = f'<a href="{(tmp_path / NAME).as_uri()}">{NAME}</a>'.encode()
    async with IndexServer() as server:
        server.add("x", page, "links.html")
        link = (await ask(Place(server.file("links.html"), flat=True))).links[0]
        assert link.path is None
        async with Client(Network()) as client:
            with pytest.raises(SourceFailure, match="not an address"):
                async with client.get(link.url):
                    pass


# ---- folders


async def test_find_links_in_every_shape(index: IndexServer, tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    (folder / NAME).write_bytes(WHEEL)
    (folder / "other.whl").write_bytes(b"")
    page = tmp_path / "pages" / "links.html"
    page.parent.mkdir()
    page.write_text(f'<a href="../with%20space/{NAME}#sha256={DIGEST}">it</a>')
    index.add("x", f'<a href="{NAME}#md5=0&sha256={DIGEST}">it</a>'.encode(), "page.html")
    for place in (folder, folder.as_uri(), folder / NAME, page, page.parent, page.as_uri()):
        link = (await ask(Place(str(place), flat=True))).links[0]
        assert link.path is not None and link.path.read_bytes() == WHEEL, place
    for url in (index.file("page.html"), index.file(NAME)):
        link = (await ask(Place(url, flat=True))).links[0]
        assert link.url == index.file(NAME) and link.path is None


@pytest.mark.parametrize("with_page", [True, False])
async def test_an_index_that_is_a_folder(tmp_path: Path, with_page: bool) -> None:
    project = tmp_path / "simple" / "some-model"
    project.mkdir(parents=True)
    (project / NAME).write_bytes(WHEEL)
    if with_page:
        (project / "index.html").write_text(f'<a href="{NAME}#sha256={DIGEST}">{NAME}</a>')
    link = (await ask(Place((tmp_path / "simple").as_uri()))).links[0]
    assert link.path is not None and link.path.read_bytes() == WHEEL
    assert link.sha256 == (DIGEST if with_page else None)


def test_the_default_index_is_pips_own_also_where_pip_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = default_index()
    assert re.fullmatch(r"https://[a-z.]+/simple", installed)
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else real(name))
    assert default_index() == installed
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="HOMEROOM_INDEX_URL"):
        default_index()
