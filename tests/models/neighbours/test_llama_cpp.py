"""llama.cpp's own cache, old and new."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from homeroom.models.neighbours import llama_cpp
from support import neighbours


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "llama.cpp"


def found(cache: Path) -> list[str]:
    return [one.name for one in llama_cpp.models({"LLAMA_CACHE": str(cache)})]


@pytest.mark.parametrize(
    ("platform", "given", "root"),
    [
        ("linux", {}, ".cache/llama.cpp"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/llama.cpp"),
        ("darwin", {}, "Library/Caches/llama.cpp"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/llama.cpp"),
        ("linux", {"LLAMA_CACHE": "/c"}, "/c"),
    ],
)
def test_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, given: dict[str, str], root: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert llama_cpp.roots(neighbours.environment(tmp_path, **given)) == (tmp_path / root,)


@pytest.mark.parametrize("noted", ["json", "manifest"])
def test_a_file_by_the_repository_that_it_came_from(cache: Path, gguf: Path, noted: str) -> None:
    path = neighbours.llama_cpp(cache, "ggml-org/gemma_3-GGUF", "gemma-3-Q4_K_M.gguf", gguf, noted=noted)
    (one,) = llama_cpp.models({"LLAMA_CACHE": str(cache)})
    assert (one.name, one.paths) == ("llama.cpp:ggml-org/gemma_3-GGUF:Q4_K_M", (path,))
    assert one.aliases >= {
        "ggml-org/gemma_3-gguf",
        "ggml-org/gemma_3-gguf:q4_k_m",
        "hf:ggml-org/gemma_3-gguf:q4_k_m",
        "ggml-org_gemma_3-gguf_gemma-3-q4_k_m",
    }


def test_a_file_of_which_nothing_is_noted_by_its_name(cache: Path, gguf: Path) -> None:
    neighbours.llama_cpp(cache, "o/r", "m-Q4_0.gguf", gguf, noted="nothing")
    neighbours.llama_cpp(cache, "o/r", "mmproj-m-Q4_0.gguf", gguf, noted="json")
    (cache / "x.gguf.downloadInProgress").write_bytes(b"GG")
    for number, broken in enumerate(("", "[]", '{"url": 3}', '{"url": "http://["}', '{"url": "https://h/x.gguf"}')):
        neighbours.place(gguf, cache / f"b{number}.gguf").with_name(f"b{number}.gguf.json").write_text(broken)
    assert found(cache) == [*(f"llama.cpp:b{number}" for number in range(5)), "llama.cpp:o_r_m-Q4_0"]


def test_shards_whole_or_not_at_all(cache: Path, gguf: Path) -> None:
    neighbours.llama_cpp(cache, "o/r", "m-Q4_0-00001-of-00002.gguf", gguf)
    assert found(cache) == []
    neighbours.llama_cpp(cache, "o/r", "m-Q4_0-00002-of-00002.gguf", gguf)
    assert found(cache) == ["llama.cpp:o/r:Q4_0"]


def test_a_folder_of_the_new_layout(cache: Path, gguf: Path) -> None:
    neighbours.huggingface(cache, "o/r", "m-Q4_0.gguf", gguf)
    (one,) = llama_cpp.models({"LLAMA_CACHE": str(cache)})
    assert one.name == "llama.cpp:o/r:Q4_0" and one.aliases >= {"hf:o/r:q4_0", "o/r:q4_0"}
