"""The Ollama registry: manifests, layers, what a tag is, and the token that a registry may ask everybody to fetch."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeroom.errors import SourceFailure, UnknownModel
from homeroom.models.gguf import read_header
from homeroom.models.http import Client, Network
from homeroom.models.hub_names import Endpoints, Reference
from homeroom.models.hubs import asking, ollama
from homeroom.models.remote import Traffic, inspect_remote
from support.hub_server import HubServer
from support.hubs import ends, look, names, no_wait, refused


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


@pytest.mark.parametrize("kind", ["..", ".", "-x", "a..b"])
async def test_a_layer_whose_kind_could_be_a_path_is_left_out(hub: HubServer, kind: str) -> None:
    hub.push("library/x", "latest", [("model", b"GGUF"), (kind, b"x"), ("template", b"t")])
    assert [file.name for file in (await look(hub, "ollama:x")).extras] == ["template"]


# The token for everybody: https://distribution.github.io/distribution/spec/auth/token/


async def test_a_registry_may_ask_everybody_to_fetch_a_token(hub: HubServer, starter_path: Path) -> None:
    hub.behaviour.challenge = "for.every-body"
    hub.push("library/x", "latest", [("model", starter_path), ("template", b"{{ .Prompt }}")])
    found = await look(hub, "ollama:x", token="hf_abc")
    async with Client(Network()) as client:
        facts, _ = await inspect_remote(client, found.files)
    assert facts.quantization == "Q4_1"
    manifest, token, again, *blobs = hub.requests("hub")
    assert [one.path.partition("?")[0] for one in (manifest, token, again)] == [
        "/v2/library/x/manifests/latest",
        "/token",
        "/v2/library/x/manifests/latest",
    ]
    assert token.path.endswith("?service=registry&scope=repository%3Alibrary%2Fx%3Apull")
    assert [one.authorization for one in (manifest, token, again)] == ["", "", "Bearer for.every-body"]
    assert {one.authorization for one in blobs} == {"Bearer for.every-body"}
    assert {one.authorization for one in hub.requests("files")} == {""}


@pytest.mark.parametrize("realm", ["file:///etc/passwd", "gopher://x", "//", "http://[", "nothing"])
async def test_a_realm_that_is_no_server_is_not_asked(hub: HubServer, realm: str) -> None:
    hub.behaviour.challenge, hub.behaviour.realm = "t", realm
    hub.push("library/x", "latest", [("model", b"GGUF")])
    await refused(hub, "ollama:x", "hubs.forbidden", SourceFailure)
    assert len(hub.asked) == 1


@pytest.mark.parametrize(
    ("registry", "realm"),
    [("https://registry.example", "http://tokens.example/"), ("https://registry.example", "https://127.0.0.1/admin")],
)
async def test_a_registry_elsewhere_leads_neither_into_the_open_nor_to_this_machine(registry: str, realm: str) -> None:
    async with Client(Network()) as client:
        asker = asking.Asker(client, Traffic(), no_wait, "ollama:x")
        challenge = f'Bearer realm="{realm}",service="r"'
        assert await ollama._token(asker, challenge, Endpoints(ollama=registry)) is None


@pytest.mark.parametrize("token", ["two\nlines", "\u4e2d", "x" * 5000])
async def test_a_token_that_is_none_is_not_sent(hub: HubServer, token: str) -> None:
    hub.behaviour.challenge = token
    hub.push("library/x", "latest", [("model", b"GGUF")])
    await refused(hub, "ollama:x", "hubs.forbidden", SourceFailure)
    assert len(hub.asked) == 2


async def test_what_a_tag_says_that_it_is(hub: HubServer) -> None:
    hub.push("library/x", "7b", [("model", b"GGUF")], file_type="Q4_K_M")
    hub.push("library/x", "old", [("model", b"GGUF")])
    hub.push("library/x", "bad", [("model", b"GGUF")], file_type="\x1b[31m")
    said = []
    async with Client(Network()) as client:
        for name in ("7b", "old", "bad"):
            asker = asking.Asker(client, Traffic(), no_wait, "ollama:x")
            tag = await ollama.tag(asker, Reference("ollama", "library/x", name), ends(hub))
            said.append(await ollama.claimed_quantization(asker, tag))
    assert said == ["Q4_K_M", None, None]
