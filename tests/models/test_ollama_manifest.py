"""Ollama's manifests: what is taken from them, and that nothing in them can lead elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.models.ollama_manifest import Layer, digest, layers

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


@pytest.mark.parametrize(
    "written", [None, 3, "", A, f"sha256-{A}", "sha256:" + "A" * 64, f"sha256:{A}/../x", f"sha256:{A}\n"]
)
def test_what_is_no_digest(written: Any) -> None:
    assert digest(written) is None
    assert digest(f"sha256:{A}") == A
