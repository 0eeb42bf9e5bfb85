"""Hubs that are not as they should be: what the user is told, and what a hub may not do to us."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import deque
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeroom.errors import AmbiguousModel, NetworkFailure, NotSupported, SourceFailure, UnknownModel
from homeroom.models.http import Client, Network
from homeroom.models.hub_names import Endpoints, Reference, parse
from homeroom.models.hubs import asking, find
from support.hub_server import HubServer
from support.hubs import had, look, names, no_wait, refused

REPOSITORY = "bartowski/SmolLM2-135M-Instruct-GGUF"
MIXED = ("m-Q2_K.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf")


@pytest.mark.parametrize("model", ["hf:o/none", "ms:o/none"])
async def test_nothing_there(hub: HubServer, model: str) -> None:
    error = await refused(hub, model, "hubs.not_there", UnknownModel)
    assert str(error).startswith(model)


async def test_of_ollama_no_token_of_others_is_advised(hub: HubServer) -> None:
    error = await refused(hub, "ollama:smollm2:999", "hubs.no_such_tag", UnknownModel)
    assert error.message == "ollama:smollm2:999: the registry of Ollama has no model smollm2 with the tag 999."
    assert "TOKEN" not in str(error)
    error = await refused(hub, "ollama:me/x", "hubs.no_such_tag", UnknownModel)
    assert "/me/x/tags" in str(error.next)


async def test_gated_names_the_page_to_go_to(hub: HubServer) -> None:
    hub.behaviour.gated = True
    error = await refused(hub, "hf:meta-llama/Llama-3.1-8B", "hubs.gated", SourceFailure)
    assert error.message.startswith("hf:meta-llama/Llama-3.1-8B is gated")
    assert f"{hub.url}/meta-llama/Llama-3.1-8B " in str(error.next) and "HF_TOKEN" in str(error.next)


async def test_a_token_that_is_none_is_told_from_a_repository_that_is_not_there(hub: HubServer) -> None:
    """``hf_raise_for_status``: Hugging Face answers 401 to both, with a sentence for the first."""
    hub.behaviour.api_statuses = deque([401])
    hub.behaviour.api_headers = {"X-Error-Message": "Invalid credentials in Authorization header"}
    await refused(hub, "hf:o/r", "hubs.bad_token", SourceFailure)


async def test_private_is_as_not_there(hub: HubServer) -> None:
    hub.behaviour.token = "hf_other"
    await refused(hub, "hf:o/r", "hubs.not_there", UnknownModel)


@pytest.mark.parametrize(
    ("status", "key", "asked"),
    [
        (401, "hubs.forbidden", 1),
        (403, "hubs.forbidden", 1),
        (418, "hubs.refused", 1),
        (429, "hubs.busy", 3),
        (500, "hubs.refused", 3),
    ],
)
async def test_refusals(hub: HubServer, status: int, key: str, asked: int) -> None:
    hub.behaviour.api_statuses = deque([status] * 9)
    await refused(hub, "hf:o/r", key, SourceFailure)
    assert len(hub.asked) == asked


async def test_trouble_that_passes(hub: HubServer) -> None:
    hub.publish("o/r", "m.gguf", b"GGUF")
    hub.behaviour.api_statuses = deque([503, 429, 200])
    assert names(await look(hub, "hf:o/r")) == ["m.gguf"]


async def test_an_answer_that_is_packed_though_nobody_asked_is_not_unpacked(hub: HubServer) -> None:
    """1 MB on the wire could be a gigabyte here."""
    hub.publish("o/r", "m.gguf", b"GGUF")
    hub.behaviour.api_encoding = "gzip"
    hub.behaviour.api_body = gzip.compress(b" " * (8 << 20))
    await refused(hub, "hf:o/r", "hubs.bad_answer", SourceFailure)


@pytest.mark.parametrize("host", ["a" * 90, "a..b", "\u00e4" * 70])
async def test_a_host_that_can_be_none(host: str) -> None:
    with pytest.raises(SourceFailure) as caught:
        async with Client(Network()) as client:
            await find(client, Reference("hf", "o/r"), Endpoints(hf=f"http://{host}"), sleep=no_wait)
    assert caught.value.next


@pytest.mark.parametrize(
    ("model", "setting"),
    [("hf:o/r", "HF_ENDPOINT"), ("ms:o/r", "MODELSCOPE_ENDPOINT"), ("ollama:x:1b", "--ollama-registry")],
)
async def test_nobody_there_names_what_was_set(model: str, setting: str) -> None:
    reference, nobody = parse(model), "http://127.0.0.1:9"
    assert reference is not None
    async with Client(Network(timeout=1)) as client:
        with pytest.raises(NetworkFailure) as caught:
            await find(client, reference, Endpoints(nobody, nobody, nobody), sleep=no_wait)
    assert caught.value.key == "hubs.no_mirror" and f"{nobody}, which is set" in caught.value.message
    assert f"Check {setting} " in str(caught.value.next)


@pytest.mark.parametrize(
    ("source", "url", "setting"),
    [
        ("hf:o/r", "https://huggingface.co/api", "HF_ENDPOINT=https://HOST"),
        ("ms:o/r", "https://modelscope.cn/api", "MODELSCOPE_ENDPOINT=https://HOST"),
        ("ollama:x", "https://registry.ollama.ai/v2", "--ollama-registry=https://HOST"),
        ("https://h.org/m.gguf", "https://h.org/m.gguf", None),
    ],
)
def test_a_hub_that_cannot_be_reached_names_its_own_mirror(source: str, url: str, setting: str | None) -> None:
    error = asking.of_hub(NetworkFailure("hubs.network", url=url, reason="x"), source, url)
    names = [name for name in ("HF_ENDPOINT", "MODELSCOPE_ENDPOINT", "--ollama-registry") if name in str(error.next)]
    assert names == ([setting.partition("=")[0]] if setting else []) and (setting or "HTTPS_PROXY") in str(error.next)


async def test_a_hub_that_takes_too_long(hub: HubServer) -> None:
    hub.behaviour.api_silence = 9
    reference = parse("hf:o/r")
    assert reference is not None
    async with Client(Network(timeout=5)) as client:
        with pytest.raises(NetworkFailure) as caught:
            await find(client, reference, Endpoints(hub.url), seconds=0.2)
    assert caught.value.key == "hubs.slow" and str(caught.value).startswith("hf:o/r ")


@pytest.mark.parametrize("model", ["hf:o/r", "ms:o/r", "ollama:o/r"])
async def test_an_answer_that_is_cut_off(hub: HubServer, model: str) -> None:
    hub.publish("o/r", "m.gguf", b"GGUF")
    hub.push("o/r", "latest", [("model", b"GGUF")])
    hub.behaviour.api_cut = 30
    error = await refused(hub, model, "hubs.no_mirror", NetworkFailure)
    assert "cut" in error.message and len(hub.asked) == 3


async def test_a_listing_without_end(hub: HubServer) -> None:
    hub.publish("o/r", "m.gguf", b"GGUF")
    hub.behaviour.api_body = b"[" + b" " * (5 << 20)
    await refused(hub, "hf:o/r", "hubs.too_much", SourceFailure)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"{",
        b"null",
        b'"text"',
        b"3",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 10_000,
        b"NaN",
    ],
)
@pytest.mark.parametrize("model", ["hf:o/r", "ms:o/r", "ollama:o/r"])
async def test_nonsense(hub: HubServer, model: str, body: bytes) -> None:
    hub.publish("o/r", "m.gguf", b"")
    hub.push("o/r", "latest", [])
    hub.behaviour.api_body = body
    await refused(hub, model, "hubs.bad_answer", SourceFailure)


HOSTILE = [
    "../../etc/passwd.gguf",
    "/etc/x.gguf",
    "a//b.gguf",
    "a/../b.gguf",
    "..\\x.gguf",
    "\x1b[2Jx.gguf",
    "\u202ex.gguf",
    ".gguf/..",
    "x" * 500 + ".gguf",
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_name_that_leads_elsewhere_is_not_there(hub: HubServer, name: str) -> None:
    entries = [{"type": "file", "path": name, "size": 4}, {"type": "file", "path": "good.gguf", "size": 4}]
    hub.publish("o/r", "good.gguf", b"GGUF")
    hub.behaviour.api_body = json.dumps(entries).encode()
    assert names(await look(hub, "hf:o/r")) == ["good.gguf"]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["type", "path", "size", "lfs", "oid", "Data", "Files", "Path", "Type", "Size", "Sha256", "layers",
                         "mediaType", "digest", "Code"]),
        inner | st.sampled_from(["file", "m.gguf", "application/vnd.ollama.image.model", "sha256:" + "a" * 64]),
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answer=JSON,
    wrap=st.sampled_from(["list", "data", "layers"]),
    model=st.sampled_from(["hf:o/r", "ms:o/r", "ollama:o/r"]),
)
def test_any_answer_is_understood_or_refused(answer: Any, wrap: str, model: str) -> None:
    body = {"list": [answer], "data": {"Code": 200, "Data": {"Files": [answer]}}, "layers": {"layers": [answer]}}[wrap]

    async def ask() -> None:
        async with HubServer() as hub:
            hub.publish("o/r", "m.gguf", b"")
            hub.push("o/r", "latest", [])
            hub.behaviour.api_body = json.dumps(body).encode()
            try:
                found = await look(hub, model)
                await had(hub, model)
            except (SourceFailure, UnknownModel, AmbiguousModel, NotSupported) as error:
                assert error.message
            else:
                assert all(".." not in file.name for file in found.files)

    asyncio.run(ask())


async def test_a_page_that_leads_to_another_server_is_not_followed(hub: HubServer) -> None:
    hub.publish("o/r", "m.gguf", b"GGUF")
    hub.publish("o/r", "n.gguf", b"GGUF")
    hub.behaviour.page = 1
    elsewhere = HubServer()
    async with elsewhere:
        hub.url, there = elsewhere.url, hub.url
        async with Client(Network(timeout=5)) as client:
            reference = parse("hf:o/r:m")
            assert reference is not None
            with pytest.raises(UnknownModel):
                await find(client, reference, Endpoints(there), sleep=no_wait)
        assert elsewhere.asked == []


@pytest.mark.parametrize("url", ["http://[", "https://[::1", "http://host:99999/m.gguf", "http:///m.gguf"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        parse(url)
    assert caught.value.key == "hubs.bad_reference" and caught.value.next


def test_a_link_that_is_no_address_is_an_error() -> None:
    assert asking.following("http://host/a", "/b") == "http://host/b"
    with pytest.raises(SourceFailure) as caught:
        asking.following("http://host/a", "http://[")
    assert caught.value.key == "hubs.bad_answer"


@pytest.mark.parametrize(("prefix", "count", "most"), [("hf", 10_001, "10,000"), ("ms", 2_999, "2,999")])
async def test_a_repository_of_very_many_files_is_left_alone(
    hub: HubServer, prefix: str, count: int, most: str
) -> None:
    """ModelScope cuts its listings off at 3,000 entries (here one is a folder) and does not say so."""
    for number in range(count):
        hub.publish(REPOSITORY, f"m-{number}.gguf", b"")
    error = await refused(hub, f"{prefix}:{REPOSITORY}", "hubs.too_many", SourceFailure)
    assert most in error.message


@pytest.mark.parametrize(("asked", "told"), [("999999", "> 24 h 00 min"), ("3600", "1 h 00 min"), ("", "1 min 00 s")])
async def test_a_wait_of_days_is_told_as_one(asked: str, told: str) -> None:
    from aiohttp import web

    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": asked} if asked else {})

    application = web.Application()
    application.router.add_get("/{any:.*}", busy)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        where = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with Client(Network()) as client:
            with pytest.raises(SourceFailure) as caught:
                await find(client, Reference("hf", "a/b"), Endpoints(where, where, where), sleep=no_wait)
    finally:
        await runner.cleanup()
    assert caught.value.key == "hubs.busy" and caught.value.facts["wait"] == told
