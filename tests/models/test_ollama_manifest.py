"""Ollama's manifests and folder: what is taken from them, and that nothing in them can lead elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.models.ollama_manifest import Layer, layers, local_model

A, B = "a" * 64, "b" * 64


def layer(kind: str = "model", digest: Any = f"sha256:{A}", size: Any = 4) -> dict[str, Any]:
    return {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": digest, "size": size}


def test_the_layers_of_a_manifest() -> None:
    other = {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": "sha256:x", "size": 1}
    found = layers({"layers": [layer(), layer("template", f"sha256:{B}", 9), layer("config; type=gguf"), other, 3]})
    assert found == (Layer("model", A, 4), Layer("template", B, 9), Layer("config", A, 4))


@pytest.mark.parametrize(
    "manifest",
    [
        None,
        [],
        {},
        {"layers": {}},
        {"layers": [layer(digest="sha256:../../x")]},
        {"layers": [layer(digest=None)]},
        {"layers": [layer(digest=f"sha256:{A}\n")]},
        {"layers": [layer(size=-1)]},
        {"layers": [layer(size=True)]},
        {"layers": [layer(size="4")]},
    ],
)
def test_what_is_no_manifest(manifest: Any) -> None:
    with pytest.raises(ValueError):
        layers(manifest)


KEYS = st.sampled_from(["layers", "mediaType", "digest", "size"])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.just("application/vnd.ollama.image.model") | st.just(f"sha256:{A}"),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)


@given(manifest=JSON)
def test_anything(manifest: Any) -> None:
    try:
        assert all(len(one.sha256) == 64 for one in layers(manifest))
    except ValueError:
        return


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manifest = tmp_path / "manifests" / "registry.ollama.ai" / "library" / "m" / "7b"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"layers": [layer(), layer("template", f"sha256:{B}")]}))
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / f"sha256-{A}").write_bytes(b"GGUF")
    return tmp_path


def find(folder: Path, tag: str = "7b") -> tuple[Path, Layer] | None:
    return local_model("registry.ollama.ai", "library/m", tag, {"OLLAMA_MODELS": str(folder)})


def test_a_model_that_is_here(folder: Path) -> None:
    assert find(folder) == (folder / "blobs" / f"sha256-{A}", Layer("model", A, 4))


def test_models_that_are_not(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert find(folder, "8b") is None
    assert find(tmp_path_factory.mktemp("empty")) is None
    (folder / "blobs" / f"sha256-{A}").write_bytes(b"GG")  # not finished
    assert find(folder) is None


@pytest.mark.parametrize(
    "content", [b"", b"[" * 100_000, b"{}", b"\xff", json.dumps({"layers": [layer(), layer()]}).encode()]
)
def test_a_manifest_that_is_broken(folder: Path, content: bytes) -> None:
    (folder / "manifests" / "registry.ollama.ai" / "library" / "m" / "7b").write_bytes(content)
    assert find(folder) is None
