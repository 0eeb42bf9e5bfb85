"""The hub on loopback is a hub: the unmodified clients of each download the real starter from it, whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support import hub_clients
from support.hub_server import COMMIT, HubServer

REPOSITORY = "bartowski/SmolLM2-135M-Instruct-GGUF"
NAME = "SmolLM2-135M-Instruct-Q4_1.gguf"


@pytest.fixture
async def hub(starter_path: Path) -> AsyncIterator[HubServer]:
    async with HubServer() as server:
        server.publish(REPOSITORY, NAME, starter_path)
        server.publish(REPOSITORY, "config.json", b'{"model_type": "llama"}')
        yield server


async def test_huggingface_hub(hub: HubServer, starter_path: Path, tmp_path: Path) -> None:
    """huggingface_hub: ``model_info``, ``list_repo_tree``, HEAD and GET of ``/resolve/``, the redirect to the signed store."""
    got = await hub_clients.hugging_face(hub, REPOSITORY, NAME, "config.json", home=tmp_path)
    assert (got["sha"], got["names"]) == (COMMIT, [NAME, "config.json"])
    listed = {one["path"]: (one["size"], one["sha256"]) for one in got["tree"]}
    assert listed == {NAME: (starter_path.stat().st_size, hub.digest(starter_path)), "config.json": (23, None)}
    cache = tmp_path / ".cache/huggingface/hub" / f"models--{REPOSITORY.replace('/', '--')}"
    stored = cache / "snapshots" / COMMIT / NAME
    assert [Path(path) for path in got["paths"]] == [stored, stored.with_name("config.json")]
    assert stored.resolve() == (cache / "blobs" / hub.digest(starter_path)).resolve()
    assert (cache / "refs/main").read_text() == COMMIT
    assert await same(stored, starter_path)
    assert {one.server for one in hub.asked} == {"hub", "files"}


async def test_huggingface_hub_shows_its_token_to_the_hub_alone(hub: HubServer, tmp_path: Path) -> None:
    hub.behaviour.token = "hf_abc"
    assert await hub_clients.hugging_face(hub, REPOSITORY, home=tmp_path) == {"error": "RepositoryNotFoundError"}
    assert "paths" in await hub_clients.hugging_face(hub, REPOSITORY, "config.json", home=tmp_path, token="hf_abc")
    hub.behaviour.token, hub.behaviour.gated = "", True
    assert await hub_clients.hugging_face(hub, REPOSITORY, NAME, home=tmp_path) == {"error": "GatedRepoError"}


async def test_modelscope(hub: HubServer, starter_path: Path, tmp_path: Path) -> None:
    """modelscope: the listing, ``/repo?Revision=&FilePath=``, digests of the listing."""
    got = await hub_clients.modelscope(hub, REPOSITORY, home=tmp_path)
    assert "error" not in got, got
    (folder,) = (Path(path) for path in got["paths"])
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == [NAME, "config.json"]
    assert tmp_path in folder.parents
    assert await same(folder / NAME, starter_path)


async def test_modelscope_one_file_with_a_token(hub: HubServer, tmp_path: Path) -> None:
    hub.behaviour.token = "ms-abc"
    assert "error" in await hub_clients.modelscope(hub, REPOSITORY, "config.json", home=tmp_path / "a")
    got = await hub_clients.modelscope(hub, REPOSITORY, "config.json", home=tmp_path / "b", token="ms-abc")
    assert Path(got["paths"][0]).read_bytes() == b'{"model_type": "llama"}'
    assert "m_session_id=ms-abc" in hub.asked[-1].headers.get("Cookie", "")


@pytest.mark.parametrize("challenge", ["", "for-everybody"])
async def test_the_registry(hub: HubServer, starter_path: Path, tmp_path: Path, challenge: str) -> None:
    """oras: manifest, blobs and the token of the distribution protocol. The layers' media types are from Ollama's source."""
    hub.behaviour.challenge = challenge
    hub.push("library/smollm2", "135m", [("model", starter_path), ("template", b"{{ .Prompt }}")], file_type="Q4_1")
    got = await hub_clients.oras(hub, "library/smollm2", "135m", home=tmp_path)
    assert got["manifest"]["layers"][0]["digest"] == f"sha256:{hub.digest(starter_path)}"
    assert await same(Path(got["paths"]["application/vnd.ollama.image.model"]), starter_path)
    assert Path(got["paths"]["application/vnd.ollama.image.template"]).read_bytes() == b"{{ .Prompt }}"


async def same(one: Path, other: Path) -> bool:
    return await asyncio.to_thread(lambda: one.read_bytes() == other.read_bytes())
