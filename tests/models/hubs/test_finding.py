"""From a name to the header, on each hub, with the real small models; and repositories that have no GGUF."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from homeroom.errors import SourceFailure, UnknownModel
from homeroom.models.gguf import read_header
from homeroom.models.http import Client, Network
from homeroom.models.hub_names import Endpoints, Reference
from homeroom.models.hubs import find, finding
from homeroom.models.remote import Traffic, inspect_remote
from support.hub_server import HubServer
from support.hubs import look, names, refused

REPOSITORY = "bartowski/SmolLM2-135M-Instruct-GGUF"
MIXED = ("m-Q2_K.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf")


@pytest.mark.parametrize("prefix", ["hf", "ms"])
async def test_a_repository_with_one_model(hub: HubServer, starter_path: Path, prefix: str) -> None:
    hub.publish(REPOSITORY, "SmolLM2-135M-Instruct-Q4_1.gguf", starter_path)
    hub.publish(REPOSITORY, "README.md", b"# SmolLM2")
    traffic = Traffic()
    found = await look(hub, f"{prefix}:{REPOSITORY}", traffic=traffic)
    assert (found.source, found.note) == (f"{prefix}:{REPOSITORY}:Q4_1", None)
    assert found.files[0].size == starter_path.stat().st_size
    assert found.files[0].sha256 == hub.digest(starter_path)
    async with Client(Network()) as client:
        facts, remote = await inspect_remote(client, found.files, found.source, traffic=traffic)
    assert remote.headers == (read_header(starter_path),)
    assert (facts.name, facts.sha256, facts.quantization) == (found.source, hub.digest(starter_path), "Q4_1")
    assert remote.traffic_bytes == traffic.spent == hub.sent  # the answers of the API count too


async def test_an_address(hub: HubServer, starter_path: Path) -> None:
    url = hub.publish("o/r", "m-00001-of-00003.gguf", starter_path)
    found = await look(hub, url)
    assert [file.url.rpartition("/")[2] for file in found.files] == [f"m-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    assert hub.asked == []


@pytest.mark.parametrize("name", ["..%2F..%2Fx.gguf", "..%5Cx.gguf", "..", "%2e%2e", "%2Fetc%2Fx.gguf"])
async def test_an_address_whose_file_could_lie_elsewhere(hub: HubServer, name: str) -> None:
    await refused(hub, f"{hub.url}/files/o/r/{name}", "hubs.no_file_name", UnknownModel)


async def test_the_token_of_an_address_is_its_own_hub_s() -> None:
    servers = Endpoints("https://hf.example", "https://ms.example", hf_secret="hf-abc", ms_secret="ms-abc")
    for server, secret in (("https://hf.example", "hf-abc"), ("https://ms.example", "ms-abc")):
        (file,) = finding.address_files(f"{server}/o/r/resolve/main/m.gguf", servers)
        assert file.token is not None and (file.token.origin, file.token.secret) == (server, secret)


@pytest.mark.parametrize("page", ["", "/", "/tree/main"])
async def test_the_page_of_a_repository(hub: HubServer, page: str) -> None:
    hub.publish(REPOSITORY, "m-Q4_K_M.gguf", b"GGUF")
    found = await look(hub, f"{hub.url}/{REPOSITORY}{page}")
    assert names(found) == ["m-Q4_K_M.gguf"] and found.source == f"hf:{REPOSITORY}:Q4_K_M"


async def test_the_page_of_a_file_is_the_file(hub: HubServer) -> None:
    found = await look(hub, f"{hub.url}/{REPOSITORY}/blob/main/m.gguf")
    assert found.files[0].url == f"{hub.url}/{REPOSITORY}/resolve/main/m.gguf"


async def test_a_listing_in_pages(hub: HubServer) -> None:
    hub.behaviour.page = 2
    for name in MIXED:
        hub.publish(REPOSITORY, name, b"GGUF")
    assert names(await look(hub, f"hf:{REPOSITORY}:Q8_0")) == ["m-Q8_0.gguf"]
    assert len(hub.asked) == 2


async def test_a_token_is_for_its_own_hub_alone(hub: HubServer, starter_path: Path) -> None:
    hub.behaviour.token = "hf_abc"
    hub.publish(REPOSITORY, "m.gguf", starter_path)
    for prefix in ("hf", "ms"):
        hub.asked.clear()
        found = await look(hub, f"{prefix}:{REPOSITORY}", token="hf_abc")
        async with Client(Network()) as client:
            await inspect_remote(client, found.files)
        asked = hub.requests("hub")
        assert {one.authorization for one in asked} == {"Bearer hf_abc"}
        cookies = {one.headers.get("Cookie", "") for one in asked}
        assert cookies == ({"m_session_id=hf_abc"} if prefix == "ms" else {""})
        assert {(one.authorization, one.headers.get("Cookie", "")) for one in hub.requests("files")} == {("", "")}
    hub.asked.clear()
    with pytest.raises(UnknownModel):
        await look(hub, "ollama:x", token="hf_abc")
    assert {one.authorization for one in hub.asked} == {""}


async def test_what_was_chosen_for_the_user_is_said(hub: HubServer) -> None:
    for name in MIXED:
        hub.publish(REPOSITORY, name, b"GGUF")
    found = await look(hub, f"hf:{REPOSITORY}")
    assert found.source == f"hf:{REPOSITORY}:Q4_K_M"
    assert found.note is not None and "Q4_K_M" in found.note
    assert (await look(hub, f"hf:{REPOSITORY}:Q8_0")).note is None


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


@pytest.mark.parametrize("files", [{}, {"config.json": b"{}"}, {"m.txt": b""}])
async def test_a_repository_without_a_model(hub: HubServer, files: dict[str, bytes]) -> None:
    hub.publish("o/r", "README.md", b"")
    for name, content in files.items():
        hub.publish("o/r", name, content)
    await refused(hub, "hf:o/r", "hubs.empty", UnknownModel)


async def test_a_configuration_that_is_none(hub: HubServer) -> None:
    hub.publish("o/r", "config.json", b"[1, 2]")
    hub.publish("o/r", "model.safetensors", b"")
    await refused(hub, "hf:o/r", "hubs.bad_answer", SourceFailure)


async def test_a_reference_to_no_address_is_refused(hub: HubServer) -> None:
    async with Client(Network()) as client:
        with pytest.raises(SourceFailure) as caught:
            await find(client, Reference("url", "http://["), Endpoints(hub.url, hub.url, hub.url))
    assert caught.value.key == "hubs.bad_url"


def test_a_file_right_under_the_server_is_no_repository() -> None:
    servers = Endpoints("http://host", "http://host", "http://host")
    for url in ("http://host/files/m.gguf", "http://host/files/m.GGUF?download=true"):
        assert finding.page(url, servers) == url
    assert finding.page("http://host/org/repo", servers) == Reference("hf", "org/repo")
