"""The cache of huggingface_hub."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homeroom.models.neighbours import huggingface
from support import neighbours

OTHER = "f" * 40


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "hub"


def found(cache: Path) -> dict[str, tuple[str, ...]]:
    return {
        one.name: tuple(path.name for path in one.paths) for one in huggingface.models({"HF_HUB_CACHE": str(cache)})
    }


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ({}, ".cache/huggingface/hub"),
        ({"XDG_CACHE_HOME": "~/x"}, "x/huggingface/hub"),
        ({"HF_HOME": "~/hf", "XDG_CACHE_HOME": "~/x"}, "hf/hub"),
        ({"HUGGINGFACE_HUB_CACHE": "~/old", "HF_HOME": "~/hf"}, "old"),
        ({"HF_HUB_CACHE": "~/new", "HUGGINGFACE_HUB_CACHE": "~/old"}, "new"),
    ],
)
def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], root: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert huggingface.roots(neighbours.environment(tmp_path, **given)) == (tmp_path / root,)


def test_models_by_quantization_where_that_tells_them_apart(cache: Path, gguf: Path) -> None:
    for file in ("m-Q4_K_M.gguf", "m-Q8_0.gguf", "Q6_K/m.gguf", "a-F16.gguf", "b-F16.gguf"):
        own = gguf.with_name(file.replace("/", "-"))
        own.write_bytes(file.encode())
        neighbours.huggingface(cache, "o/r-GGUF", file, own)
    neighbours.huggingface(cache, "o/one", "model.gguf", gguf)
    neighbours.huggingface(cache, "gpt2", "gpt2-Q2_K.gguf", gguf)
    assert set(found(cache)) == {
        "hf:o/r-GGUF:Q4_K_M",
        "hf:o/r-GGUF:Q8_0",
        "hf:o/r-GGUF:Q6_K",
        "hf:o/r-GGUF:a-F16.gguf",
        "hf:o/r-GGUF:b-F16.gguf",
        "hf:o/one",
        "hf:gpt2:Q2_K",
    }


def test_what_a_model_answers_to_and_its_digest(cache: Path, gguf: Path) -> None:
    link = neighbours.huggingface(cache, "o/r", "m-Q4_K_M.gguf", gguf)
    (one,) = huggingface.models({"HF_HUB_CACHE": str(cache)})
    assert one.aliases >= {"hf:o/r", "o/r", "o/r:q4_k_m", "hf:o/r:m-q4_k_m.gguf", "m-q4_k_m", "o/r/m-q4_k_m.gguf"}
    assert (one.paths, one.sha256, one.bytes) == ((link,), neighbours.digest(gguf), 4)


def test_shards_whole_or_not_at_all(cache: Path, gguf: Path) -> None:
    for number in (1, 2):
        neighbours.huggingface(cache, "o/r", f"Q4_K_M/m-Q4_K_M-0000{number}-of-00003.gguf", gguf)
    assert found(cache) == {}
    third = neighbours.huggingface(cache, "o/r", "Q4_K_M/m-Q4_K_M-00003-of-00003.gguf", gguf)
    names = tuple(f"m-Q4_K_M-0000{number}-of-00003.gguf" for number in (1, 2, 3))
    assert found(cache) == {"hf:o/r:Q4_K_M": names}
    third.unlink()
    third.symlink_to("../../blobs/none")  # as a download that was broken off
    assert found(cache) == {}


def test_what_only_helps_a_model_is_none(cache: Path, gguf: Path) -> None:
    for file in ("mmproj-F16.gguf", "m.mmproj-Q8_0.gguf", "imatrix_unsloth.gguf", "mtp-m-Q8_0.gguf", "config.json"):
        neighbours.huggingface(cache, "o/r", file, gguf)
    assert found(cache) == {}


def test_the_snapshot_of_main_else_the_newest(cache: Path, gguf: Path) -> None:
    neighbours.huggingface(cache, "o/r", "new-Q8_0.gguf", gguf, commit=OTHER)
    neighbours.huggingface(cache, "o/r", "old-Q4_0.gguf", gguf)
    assert set(found(cache)) == {"hf:o/r:Q4_0"}
    folder = cache / "models--o--r"
    for number, commit in enumerate((neighbours.COMMIT, OTHER)):
        os.utime(folder / "snapshots" / commit, (number, number))
    for content in ("", "../../../../..", "e" * 40):
        (folder / "refs" / "main").write_text(content)
        assert set(found(cache)) == {"hf:o/r:Q8_0"}, content


def test_other_folders_are_none_of_it(cache: Path, gguf: Path) -> None:
    for folder in ("datasets--o--r", "models--..--x", ".locks", "version.txt"):
        neighbours.place(gguf, cache / folder / "snapshots" / OTHER / "m-Q4_0.gguf")
    assert found(cache) == {}
    assert list(huggingface.models({"HF_HUB_CACHE": str(cache / "none")})) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_for_a_reference_is_not_waited_for(cache: Path, gguf: Path) -> None:
    neighbours.huggingface(cache, "o/r-GGUF", "m-Q8_0.gguf", gguf)
    main = cache / "models--o--r-GGUF" / "refs" / "main"
    main.unlink()
    os.mkfifo(main)
    assert list(found(cache)) == ["hf:o/r-GGUF:Q8_0"], "the newest snapshot"
