"""What is refused by its name, with the reason and what to type instead."""

from __future__ import annotations

import json

import pytest

from homeroom.errors import NotSupported
from homeroom.models.hubs import formats
from support.hub_server import HubServer
from support.hubs import look, refused

PICKLES = [
    "model.bin", "pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json", "m.pt", "m.PTH",
    "m.ckpt", "m.pkl", "m.pickle", "m.joblib", "m.npy", "m.npz", "m.h5", "m.keras", "m.nemo", "m.mar", "a/b/m.pkl.gz",
]  # fmt: skip


@pytest.mark.parametrize("name", PICKLES)
def test_what_may_run_code_when_loaded(name: str) -> None:
    assert formats.is_pickle(name)


@pytest.mark.parametrize(
    "name", ["m.gguf", "m.safetensors", "config.json", "bin", "pkl.md", "m.binary.txt", "gpt.json"]
)
def test_what_does_not(name: str) -> None:
    assert not formats.is_pickle(name)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights/m.pkl"])
async def test_a_pickle_that_is_asked_for_is_refused_before_anybody_is_asked(hub: HubServer, name: str) -> None:
    hub.publish("o/r", name, b"")
    for model in (f"hf:o/r:{name}", f"ms:o/r:{name}", f"{hub.url}/files/o/r/{name}?download=true"):
        error = await refused(hub, model, "hubs.pickle", NotSupported)
        assert name.rpartition("/")[2] in error.message and "homeroom pull hf:" in str(error.next)
    assert hub.asked == []


@pytest.mark.parametrize("prefix", ["hf", "ms"])
async def test_a_repository_of_pickles_alone_says_so(hub: HubServer, prefix: str) -> None:
    for name in ("config.json", "pytorch_model-00001-of-00002.bin", "README.md"):
        hub.publish("org/Model-7B", name, b"{}")
    error = await refused(hub, f"{prefix}:org/Model-7B", "hubs.pickles", NotSupported)
    assert "pytorch_model-00001-of-00002.bin" in error.message
    assert str(error.next).endswith(f"homeroom pull {prefix}:org/Model-7B-GGUF")


@pytest.mark.parametrize(
    ("repository", "file", "told", "instead"),
    [
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "model.safetensors", "AWQ", "hf:Qwen/Qwen2.5-7B-Instruct-GGUF"),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "model.safetensors", "GPTQ", "hf:Qwen/Qwen2.5-7B-Instruct-GGUF"),
        ("mlx-community/Qwen3-8B-4bit", "model.safetensors", "MLX", "hf:unsloth/Qwen3-8B-GGUF"),
        ("onnx-community/Qwen3-0.6B-ONNX", "onnx/model.onnx", "ONNX", "hf:unsloth/Qwen3-0.6B-GGUF"),
        ("turboderp/Qwen3-8B-exl2", "output.safetensors", "EXL2", "hf:turboderp/Qwen3-8B-GGUF"),
        ("org/Model-7B", "a.safetensors", "safetensors", "hf:org/Model-7B-GGUF"),
    ],
)
async def test_other_formats_are_called_by_their_names(
    hub: HubServer, repository: str, file: str, told: str, instead: str
) -> None:
    hub.publish(repository, file, b"")
    error = await refused(hub, f"hf:{repository}", "hubs.other_format", NotSupported)
    assert f" as {told}," in error.message and str(error.next).endswith(instead)


async def test_beside_a_gguf_the_others_do_not_matter(hub: HubServer) -> None:
    for name in ("m-Q8_0.gguf", "pytorch_model.bin", "model.safetensors", "config.json"):
        hub.publish("o/r", name, json.dumps({}).encode())
    assert [file.name for file in (await look(hub, "hf:o/r")).files] == ["m-Q8_0.gguf"]
