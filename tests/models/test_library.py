"""Every form of a MODEL, looked at: what it means, from where, and how many bytes that took."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeroom.errors import AmbiguousModel, HomeroomError, UnknownModel, UsageError
from homeroom.models import catalogue
from homeroom.models.gguf import read_header
from homeroom.models.inspect import inspect
from homeroom.models.library import Library, Looked
from homeroom.models.store import StoredFile
from homeroom.settings import load
from support import neighbours
from support.gguf_writer import with_metadata
from support.hub_server import HubServer

QWEN = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 896,
    "intermediate_size": 4864,
    "max_position_embeddings": 32768,
    "num_attention_heads": 14,
    "num_hidden_layers": 24,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "vocab_size": 151936,
}
"""config.json of Qwen/Qwen2.5-0.5B-Instruct."""


@pytest.fixture
async def hub() -> AsyncIterator[HubServer]:
    async with HubServer() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, gemma_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "small-gemma.gguf").symlink_to(gemma_path)
    return folder


@pytest.fixture
def library(hub: HubServer, folder: Path, tmp_path: Path) -> Library:
    settings = dict.fromkeys(("hf_endpoint", "modelscope_endpoint", "ollama_registry"), hub.url)
    given = {"HOMEROOM_HOME": str(tmp_path / "home"), "HOMEROOM_MODEL_FOLDERS": str(folder)}
    library = Library(load(settings, given), neighbours.environment(tmp_path / "user"))
    library.store.prepare()
    return library


async def look(library: Library, name: str) -> Looked:
    return await library.look(name, environment={"PIP_CONFIG_FILE": "/dev/null", "HF_TOKEN_PATH": "/none"})


async def refused(library: Library, name: str, key: str, kind: type[HomeroomError]) -> HomeroomError:
    with pytest.raises(kind) as caught:
        await look(library, name)
    assert caught.value.key == key
    return caught.value


def store(library: Library, name: str, path: Path) -> None:
    digest = "ab" * 32
    library.store.blob(digest).symlink_to(path)
    library.store.put(name, [StoredFile("model", path.name, digest, path.stat().st_size)], source="test")


async def test_a_stored_name(library: Library, starter_path: Path) -> None:
    store(library, "starter", starter_path)
    looked = await look(library, "Starter:latest")
    assert (looked.origin, looked.facts.name, looked.traffic_bytes) == ("store", "starter", 0)
    assert looked.headers == (read_header(starter_path),)
    assert looked.source == str(looked.facts.path)


async def test_a_path(library: Library, starter_path: Path) -> None:
    looked = await look(library, str(starter_path))
    assert (looked.origin, looked.source) == ("file", str(starter_path))
    assert looked.facts == inspect(starter_path, str(starter_path))


async def test_a_file_in_a_folder(library: Library, gemma_path: Path) -> None:
    looked = await look(library, "small-gemma")
    assert (looked.origin, looked.facts.name) == ("folder", "small-gemma")
    assert looked.headers == (read_header(gemma_path),)


async def test_an_address(library: Library, hub: HubServer, starter_path: Path) -> None:
    url = hub.publish("o/r", "SmolLM2-135M-Instruct-Q4_1.gguf", starter_path)
    looked = await look(library, f"{url}?X-Signature=s3cr3t")
    assert (looked.origin, looked.source, looked.facts.name) == ("url", url, url)
    assert looked.headers == (read_header(starter_path),)
    assert looked.traffic_bytes == hub.sent > 0
    assert looked.facts.paths == ()


@pytest.mark.parametrize("prefix", ["hf", "ms"])
async def test_a_repository(
    library: Library, hub: HubServer, gemma_path: Path, starter_path: Path, prefix: str
) -> None:
    hub.publish("o/r", "m-Q4_K_M.gguf", gemma_path)
    hub.publish("o/r", "m-Q4_1.gguf", starter_path)
    looked = await look(library, f"{prefix}:o/r")
    assert (looked.origin, looked.source) == (prefix, f"{prefix}:o/r:Q4_K_M")
    assert looked.headers == (read_header(gemma_path),)
    assert looked.traffic_bytes == hub.sent < 12_000_000
    assert "Q4_K_M" in looked.notes[0]
    other = await look(library, f"{prefix}:o/r:q4_1")
    assert other.headers == (read_header(starter_path),) and other.notes == ()


async def test_the_registry_of_ollama(library: Library, hub: HubServer, starter_path: Path) -> None:
    hub.push("library/smollm2", "135m", [("model", starter_path)])
    looked = await look(library, "ollama:smollm2:135m")
    assert (looked.origin, looked.source) == ("ollama", "ollama:smollm2:135m")
    assert looked.facts.sha256 == hub.digest(starter_path)


async def test_what_ollama_has_here_needs_no_registry(
    library: Library, hub: HubServer, starter_path: Path, tmp_path: Path
) -> None:
    hub.push("library/smollm2", "135m", [("model", starter_path)])
    folder = tmp_path / "user" / ".ollama" / "models"
    manifest = neighbours.ollama(folder, "smollm2:135m", starter_path)
    looked = await look(library, "ollama:smollm2:135m")
    assert (looked.origin, looked.facts.name, looked.traffic_bytes) == ("ollama", "ollama:smollm2:135m", 0)
    assert looked.facts.paths == (folder / "blobs" / f"sha256-{hub.digest(starter_path)}",)
    assert looked.headers == (read_header(starter_path),) and hub.asked == []
    manifest.unlink()
    elsewhere = await look(library, "ollama:smollm2:135m")
    assert elsewhere.facts.paths == () and hub.asked


async def test_a_repository_without_gguf_is_what_could_be_made_of_it(library: Library, hub: HubServer) -> None:
    hub.publish("Qwen/Qwen2.5-0.5B-Instruct", "config.json", json.dumps(QWEN).encode())
    hub.publish("Qwen/Qwen2.5-0.5B-Instruct", "model.safetensors", b"")
    looked = await look(library, "hf:Qwen/Qwen2.5-0.5B-Instruct")
    assert looked.safetensors is not None and looked.facts.paths == ()
    assert (looked.facts.architecture, looked.facts.quantization) == ("qwen2", "Q4_K_M")
    assert looked.facts.title == "Qwen2.5-0.5B-Instruct"
    assert looked.facts.parameters == 494_032_768
    assert "Q4_K_M" in looked.notes[0]
    assert looked.headers[0].file_bytes == looked.facts.file_bytes
    larger = await look(library, "hf:Qwen/Qwen2.5-0.5B-Instruct:q8_0")
    assert larger.facts.quantization == "Q8_0" and larger.facts.file_bytes > looked.facts.file_bytes
    with pytest.raises(UsageError):
        await look(library, "hf:Qwen/Qwen2.5-0.5B-Instruct:Q9_9")


async def test_a_name_of_the_catalogue(library: Library, hub: HubServer) -> None:
    looked = await look(library, "deepseek-r1:7b")
    assert looked.origin == "catalogue" and looked.entry is not None
    assert (looked.facts.architecture, looked.facts.quantization) == ("qwen2", "Q4_K_M")
    assert looked.facts.title == "DeepSeek-R1-Distill-Qwen-7B" and "Qwen2.5-Math-7B" in str(looked.entry.base)
    assert looked.headers and looked.traffic_bytes == 0 and hub.asked == []
    other = await look(library, "deepseek-r1:7b-q8_0")
    assert (other.facts.name, other.facts.quantization) == ("deepseek-r1:7b-q8_0", "Q8_0")


async def test_what_is_here_comes_before_the_catalogue(library: Library, starter_path: Path) -> None:
    assert catalogue.find("deepseek-r1:7b") is not None
    store(library, "deepseek-r1:7b", starter_path)
    assert (await look(library, "deepseek-r1:7b")).origin == "store"


async def test_a_file_in_a_folder_comes_before_the_catalogue(
    library: Library, folder: Path, starter_path: Path
) -> None:
    (folder / "DeepSeek-R1-Distill-Qwen-7B.gguf").symlink_to(starter_path)
    assert (await look(library, "deepseek-r1-distill-qwen-7b")).origin == "folder"


async def test_several_are_listed(library: Library, folder: Path, starter_path: Path, hub: HubServer) -> None:
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "same.gguf").symlink_to(starter_path)
    with_metadata(starter_path, folder / "b" / "other.gguf", {})
    (folder / "b" / "same.gguf").unlink()
    (folder / "b" / "other.gguf").rename(folder / "b" / "same.gguf")
    error = await refused(library, "same", "models.ambiguous", AmbiguousModel)
    assert "a/same" in str(error) and "b/same" in str(error)
    for name in ("x-Q2_K.gguf", "x-Q8_0.gguf"):
        hub.publish("o/r", name, starter_path)
    await refused(library, "hf:o/r", "hubs.choose", AmbiguousModel)


async def test_what_nobody_knows(library: Library) -> None:
    await refused(library, "no-such-model-at-all", "models.unknown", UnknownModel)
    await refused(library, "./none.gguf", "models.no_file", UnknownModel)
    await refused(library, "hf:x:y:z", "hubs.bad_reference", UnknownModel)


async def test_without_paths_no_file_is_looked_at(library: Library, starter_path: Path) -> None:
    with pytest.raises(UnknownModel) as caught:
        await library.look(str(starter_path), paths=False)
    assert caught.value.key == "models.unknown"


async def test_running_one_that_is_elsewhere_is_for_later_and_says_what_can_be_done(library: Library) -> None:
    with pytest.raises(UnknownModel) as caught:
        library.find("hf:o/r:Q4_K_M")
    assert "homeroom fit hf:o/r:Q4_K_M" in str(caught.value.next)


async def test_running_one_that_is_only_known_says_what_can_be_done(library: Library) -> None:
    with pytest.raises(UnknownModel) as caught:
        library.find("deepseek-r1:7b")
    assert caught.value.key == "models.known_only" and "homeroom fit deepseek-r1:7b" in str(caught.value.next)
    with pytest.raises(UnknownModel) as caught:  # who asks from elsewhere learns what is here, and no more
        library.find("deepseek-r1:7b", paths=False)
    assert caught.value.key.startswith("models.unknown")


async def test_progress_is_told(library: Library, hub: HubServer, starter_path: Path) -> None:
    seen: list[int] = []
    url = hub.publish("o/r", "m.gguf", starter_path)
    await library.look(url, progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == hub.sent
