"""Hubs on loopback, with the real small models: what is found, what is chosen, and what a hub may not do to us."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeroom.errors import AmbiguousModel, HomeroomError, NetworkFailure, SourceFailure, UnknownModel
from homeroom.models import hubs
from homeroom.models.gguf import read_header
from homeroom.models.http import Client, Network
from homeroom.models.hub_names import Endpoints, Reference, parse
from homeroom.models.hubs import Found, choose, find, models_in
from homeroom.models.remote import RemoteFile, Traffic, inspect_remote
from support.hub_server import HubServer

REPOSITORY = "bartowski/SmolLM2-135M-Instruct-GGUF"
MIXED = ("m-Q2_K.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf")


@pytest.fixture
async def hub() -> AsyncIterator[HubServer]:
    async with HubServer() as server:
        yield server


async def no_wait(seconds: float) -> None:
    """Sleep that takes no time."""


async def look(hub: HubServer, model: str, *, token: str | None = None, traffic: Traffic | None = None) -> Found:
    reference = parse(model)
    assert reference is not None
    ends = Endpoints(hub.url, hub.url, hub.url, token)
    async with Client(Network(timeout=5)) as client:
        return await find(client, reference, ends, traffic=traffic, sleep=no_wait)


async def refused(hub: HubServer, model: str, key: str, kind: type[HomeroomError]) -> HomeroomError:
    with pytest.raises(kind) as caught:
        await look(hub, model)
    assert caught.value.key == key
    assert caught.value.next
    return caught.value


def names(found: Found) -> list[str]:
    return [file.name for file in found.files]


# Each hub, from the name to the header.


@pytest.mark.parametrize("prefix", ["hf", "ms"])
async def test_a_repository_with_one_model(hub: HubServer, starter_path: Path, prefix: str) -> None:
    hub.publish(REPOSITORY, "SmolLM2-135M-Instruct-Q4_1.gguf", starter_path)
    hub.publish(REPOSITORY, "README.md", b"# SmolLM2")
    traffic = Traffic()
    found = await look(hub, f"{prefix}:{REPOSITORY}", traffic=traffic)
    assert (found.source, found.note) == (f"{prefix}:{REPOSITORY}", None)
    assert found.files[0].size == starter_path.stat().st_size
    assert found.files[0].sha256 == hub.digest(starter_path)
    async with Client(Network()) as client:
        facts, remote = await inspect_remote(client, found.files, found.source, traffic=traffic)
    assert remote.headers == (read_header(starter_path),)
    assert (facts.name, facts.sha256, facts.quantization) == (found.source, hub.digest(starter_path), "Q4_1")
    assert remote.traffic_bytes == traffic.spent == hub.sent  # the answers of the API count too


async def test_the_ollama_registry(hub: HubServer, gemma_path: Path) -> None:
    layers: list[tuple[str, Path | bytes]] = [
        ("model", gemma_path),
        ("template", b"{{ .Prompt }}"),
        ("license", b"Gemma"),
        ("params", b'{"stop": ["x"]}'),
    ]
    hub.push("library/gemma3", "270m", layers)
    found = await look(hub, "ollama:gemma3:270m")
    assert (found.source, names(found)) == ("ollama:gemma3:270m", ["gemma3-270m.gguf"])
    assert [file.name for file in found.extras] == ["template", "license", "params"]
    async with Client(Network()) as client:
        facts, remote = await inspect_remote(client, found.files)
    assert remote.headers == (read_header(gemma_path),)
    assert facts.architecture == "gemma3"
    assert {one.server for one in hub.asked} == {"hub", "files"}


async def test_without_a_tag_it_is_the_latest(hub: HubServer) -> None:
    hub.push("library/x", "latest", [("model", b"GGUF")])
    assert (await look(hub, "ollama:x")).source == "ollama:x:latest"


async def test_a_model_of_somebody(hub: HubServer) -> None:
    hub.push("somebody/x", "v1", [("model", b"GGUF")])
    assert (await look(hub, "ollama:somebody/x:v1")).source == "ollama:somebody/x:v1"


async def test_a_model_of_ollama_that_is_no_gguf(hub: HubServer) -> None:
    hub.push("library/x", "mlx", [("tensor", b"1"), ("tensor", b"2")])
    await refused(hub, "ollama:x:mlx", "hubs.not_gguf_layer", UnknownModel)


async def test_an_address(hub: HubServer, starter_path: Path) -> None:
    url = hub.publish("o/r", "m-00001-of-00003.gguf", starter_path)
    found = await look(hub, url)
    assert [file.url.rpartition("/")[2] for file in found.files] == [f"m-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    assert hub.asked == []


@pytest.mark.parametrize("page", ["", "/", "/tree/main"])
async def test_the_page_of_a_repository(hub: HubServer, page: str) -> None:
    hub.publish(REPOSITORY, "m-Q4_K_M.gguf", b"GGUF")
    found = await look(hub, f"{hub.url}/{REPOSITORY}{page}")
    assert names(found) == ["m-Q4_K_M.gguf"] and found.source == f"hf:{REPOSITORY}"


async def test_the_page_of_a_file_is_the_file(hub: HubServer) -> None:
    found = await look(hub, f"{hub.url}/{REPOSITORY}/blob/main/m.gguf")
    assert found.files[0].url == f"{hub.url}/{REPOSITORY}/resolve/main/m.gguf"


async def test_a_listing_in_pages(hub: HubServer) -> None:
    hub.behaviour.page = 2
    for name in MIXED:
        hub.publish(REPOSITORY, name, b"GGUF")
    assert names(await look(hub, f"hf:{REPOSITORY}:Q8_0")) == ["m-Q8_0.gguf"]
    assert len(hub.asked) == 2


async def test_the_token_is_for_hugging_face_alone(hub: HubServer, starter_path: Path) -> None:
    hub.behaviour.token = "hf_abc"
    hub.publish(REPOSITORY, "m.gguf", starter_path)
    found = await look(hub, f"hf:{REPOSITORY}", token="hf_abc")
    async with Client(Network()) as client:
        await inspect_remote(client, found.files)
    assert {one.authorization for one in hub.requests("hub")} == {"Bearer hf_abc"}
    assert {one.authorization for one in hub.requests("files")} == {""}
    hub.asked.clear()
    for model in (f"ms:{REPOSITORY}", "ollama:x"):
        with pytest.raises(UnknownModel):
            await look(hub, model, token="hf_abc")
    assert {one.authorization for one in hub.asked} == {""}


# Which of several.


def chosen(files: list[str], choice: str = "") -> list[str]:
    groups = models_in(RemoteFile(name, "", 10**9 * (1 + at)) for at, name in enumerate(files))
    return [file.name for file in choose(groups, Reference("hf", "o/r", choice))[0]]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("Q8_0", "m-Q8_0.gguf"),
        ("q8_0", "m-Q8_0.gguf"),
        ("m-Q2_K.gguf", "m-Q2_K.gguf"),
        ("m-q2_k", "m-Q2_K.gguf"),
        ("", "m-Q4_K_M.gguf"),
    ],
)
def test_the_quantization_chooses(choice: str, expected: str) -> None:
    assert chosen(list(MIXED), choice) == [expected]


def test_a_dynamic_build_is_meant_where_there_is_no_other() -> None:
    files = ["m-UD-Q4_K_XL.gguf", "m-UD-Q2_K_XL.gguf", "m-Q2_K_XL.gguf"]
    assert chosen(files, "Q4_K_XL") == ["m-UD-Q4_K_XL.gguf"]
    assert chosen(files, "Q2_K_XL") == ["m-Q2_K_XL.gguf"]
    assert chosen(files, "ud-q2_k_xl") == ["m-UD-Q2_K_XL.gguf"]


def test_a_split_model_in_a_folder() -> None:
    shards = [f"UD-IQ1_S/R1-{n:05d}-of-00003.gguf" for n in (1, 2, 3)]
    others = [f"Q8_0/R1-Q8_0-{n:05d}-of-00002.gguf" for n in (2, 1)]
    assert chosen([*others, *shards[::-1]], "UD-IQ1_S") == shards
    assert chosen([*others, *shards], "Q8_0") == sorted(others)


def test_projectors_and_matrices_are_no_models() -> None:
    assert chosen(["mmproj-m-f16.gguf", "m-imatrix.gguf", "m-Q6_K.gguf"]) == ["m-Q6_K.gguf"]


def test_shards_that_are_missing_are_told() -> None:
    with pytest.raises(UnknownModel) as caught:
        chosen(["m-Q8_0-00001-of-00003.gguf", "m-Q8_0-00003-of-00003.gguf"])
    assert caught.value.key == "hubs.shard_missing" and "m-Q8_0-00002-of-00003.gguf" in str(caught.value)


async def test_what_was_chosen_for_the_user_is_said(hub: HubServer) -> None:
    for name in MIXED:
        hub.publish(REPOSITORY, name, b"GGUF")
    found = await look(hub, f"hf:{REPOSITORY}")
    assert found.source == f"hf:{REPOSITORY}:Q4_K_M"
    assert found.note is not None and "Q4_K_M" in found.note
    assert (await look(hub, f"hf:{REPOSITORY}:Q8_0")).note is None


@pytest.mark.parametrize(
    ("files", "choice", "key", "told"),
    [
        (["a-Q2_K.gguf", "a-Q8_0.gguf"], "", "hubs.choose", "Q2_K (1.0 GB), Q8_0 (2.0 GB)"),
        (["a-Q2_K.gguf", "a-Q8_0.gguf"], "Q4_K_M", "hubs.no_such_quant", "Q2_K (1.0 GB), Q8_0 (2.0 GB)"),
        (["a-Q8_0.gguf", "b-Q8_0.gguf"], "Q8_0", "hubs.choose", "a-Q8_0.gguf (1.0 GB), b-Q8_0.gguf (2.0 GB)"),
        (["x/a-Q4_K_M.gguf", "y/a-Q4_K_M.gguf"], "", "hubs.choose", "x/a-Q4_K_M.gguf"),
    ],
)
def test_several_are_listed_with_sizes(files: list[str], choice: str, key: str, told: str) -> None:
    with pytest.raises((UnknownModel, AmbiguousModel)) as caught:
        chosen(files, choice)
    assert caught.value.key == key
    assert told in str(caught.value)
    assert f"homeroom show hf:o/r:{caught.value.facts['example']}" in str(caught.value)


# Repositories without GGUF.


async def test_a_safetensors_repository(hub: HubServer) -> None:
    config = {"model_type": "qwen2", "num_hidden_layers": 2}
    index = {"metadata": {"total_size": 123}, "weight_map": {"a": "model-00001-of-00002.safetensors"}}
    hub.publish("o/r", "config.json", json.dumps(config).encode())
    hub.publish("o/r", "model.safetensors.index.json", json.dumps(index).encode())
    for number in (1, 2):
        hub.publish("o/r", f"model-0000{number}-of-00002.safetensors", bytes(number))
    hub.publish("o/r", "onnx/model.safetensors", b"")
    found = await look(hub, "hf:o/r")
    assert found.files == () and found.safetensors is not None
    assert (found.safetensors.config, found.safetensors.index) == (config, index)
    assert [(file.name[6:11], file.size) for file in found.safetensors.files] == [("00001", 1), ("00002", 2)]
    there = (await look(hub, "ms:o/r")).safetensors
    assert there is not None and (there.config, there.index, there.source) == (config, index, "ms:o/r")
    hub.publish("one/file", "config.json", b"{}")
    hub.publish("one/file", "model.safetensors", b"")
    single = (await look(hub, "hf:one/file")).safetensors
    assert single is not None and single.index is None


@pytest.mark.parametrize("files", [{}, {"config.json": b"{}"}, {"model.safetensors": b""}, {"pytorch_model.bin": b""}])
async def test_a_repository_without_a_model(hub: HubServer, files: dict[str, bytes]) -> None:
    hub.publish("o/r", "README.md", b"")
    for name, content in files.items():
        hub.publish("o/r", name, content)
    await refused(hub, "hf:o/r", "hubs.empty", UnknownModel)


async def test_a_configuration_that_is_none(hub: HubServer) -> None:
    hub.publish("o/r", "config.json", b"[1, 2]")
    hub.publish("o/r", "model.safetensors", b"")
    await refused(hub, "hf:o/r", "hubs.bad_answer", SourceFailure)


# Hubs that are not as they should be.


@pytest.mark.parametrize("model", ["hf:o/none", "ms:o/none", "ollama:none"])
async def test_nothing_there(hub: HubServer, model: str) -> None:
    error = await refused(hub, model, "hubs.not_there", UnknownModel)
    assert str(error).startswith(model)


async def test_gated(hub: HubServer) -> None:
    hub.behaviour.gated = True
    error = await refused(hub, "hf:meta-llama/Llama-3.1-8B", "hubs.gated", SourceFailure)
    assert "HF_TOKEN" in str(error)


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


async def test_nobody_there() -> None:
    reference = parse("hf:o/r")
    assert reference is not None
    async with Client(Network(timeout=1)) as client:
        with pytest.raises(NetworkFailure) as caught:
            await find(client, reference, Endpoints("http://127.0.0.1:9"), sleep=no_wait)
    assert caught.value.key == "hubs.network"


async def test_a_hub_that_takes_too_long(hub: HubServer) -> None:
    hub.behaviour.api_silence = 9
    reference = parse("hf:o/r")
    assert reference is not None
    async with Client(Network(timeout=5)) as client:
        with pytest.raises(NetworkFailure) as caught:
            await find(client, reference, Endpoints(hub.url), seconds=0.2)
    assert caught.value.key == "hubs.slow" and str(caught.value).startswith("hf:o/r ")


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
            except (SourceFailure, UnknownModel, AmbiguousModel) as error:
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


# Listings and addresses that are made to harm.


@pytest.mark.parametrize("url", ["http://[", "https://[::1", "http://host:99999/m.gguf", "http:///m.gguf"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        parse(url)
    assert caught.value.key == "hubs.bad_reference" and caught.value.next


async def test_a_reference_to_no_address_is_refused(hub: HubServer) -> None:
    async with Client(Network()) as client:
        with pytest.raises(SourceFailure) as caught:
            await find(client, Reference("url", "http://["), Endpoints(hub.url, hub.url, hub.url))
    assert caught.value.key == "hubs.bad_url"


def test_a_link_that_is_no_address_is_an_error() -> None:
    assert hubs._following("http://host/a", "/b") == "http://host/b"
    with pytest.raises(SourceFailure) as caught:
        hubs._following("http://host/a", "http://[")
    assert caught.value.key == "hubs.bad_answer"


def test_a_file_right_under_the_server_is_no_repository() -> None:
    ends = Endpoints("http://host", "http://host", "http://host")
    for url in ("http://host/files/m.gguf", "http://host/files/m.GGUF?download=true"):
        assert hubs._page(url, ends) == url
    assert hubs._page("http://host/org/repo", ends) == Reference("hf", "org/repo")


@pytest.mark.parametrize(
    "form",
    [
        "m{0}-Q4_K_M.gguf",
        "m-Q{0}_K.gguf",
        "m-{0:05d}-of-30000.gguf",
        "m-{0:05d}-of-01000.gguf",
        "m{0}-00001-of-01000.gguf",
    ],
)
def test_choosing_takes_a_time_in_proportion(form: str) -> None:
    """A quadratic way takes minutes for the larger, where a linear one takes ten times as long."""

    def spent(count: int) -> float:
        files = [RemoteFile(form.format(number), "", 1) for number in range(count)]
        began = time.process_time()
        with contextlib.suppress(AmbiguousModel, UnknownModel):
            choose(models_in(files), Reference("hf", "a/b"))
        return time.process_time() - began

    spent(100)
    assert spent(10_000) < 30 * max(spent(1_000), 0.01)


async def test_a_repository_of_very_many_files_is_left_alone(hub: HubServer) -> None:
    for number in range(10_001):
        hub.publish(REPOSITORY, f"m-{number}.gguf", b"")
    error = await refused(hub, f"ms:{REPOSITORY}", "hubs.too_many", SourceFailure)
    assert "10,000" in error.message


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
