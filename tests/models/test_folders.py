"""GGUF files in folders of the user's: which of them are models, and how far is looked."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeroom.models.folders import folder_models, shards


def put(path: Path, size: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def test_models_in_folders(tmp_path: Path) -> None:
    one = put(tmp_path / "a" / "publisher" / "repo" / "One-Q4_K_M.GGUF", 5)
    parts = tuple(put(tmp_path / "a" / "deep" / f"Big-0000{n}-of-00003.gguf", n) for n in (1, 2, 3))
    put(tmp_path / "a" / "deep" / "mmproj-Big-F16.gguf")
    put(tmp_path / "a" / "deep" / "Half-00001-of-00002.gguf")
    put(tmp_path / "a" / "notes.txt")
    (tmp_path / "a" / "dead.gguf").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a" / "again.gguf").symlink_to(one)
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    found = folder_models((tmp_path / "a", tmp_path / "a" / "publisher", tmp_path / "missing"))
    assert [(model.name, model.paths, model.bytes) for model in found] == [
        ("again", (tmp_path / "a" / "again.gguf",), 5),
        ("Big", parts, 6),
    ], "one file under two names counts once"


def test_folders_are_not_searched_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path.joinpath(*"12345678", "in.gguf"))
    put(tmp_path.joinpath(*"123456789", "out.gguf"))
    assert [model.name for model in folder_models((tmp_path,))] == ["in"]
    monkeypatch.setattr("homeroom.models.folders.MOST_FILES", 2)
    for n in range(5):
        put(tmp_path / f"{n}.gguf")
    assert len(folder_models((tmp_path,))) == 2


@pytest.mark.parametrize("name", ["x-00000-of-00002.gguf", "x-00003-of-00002.gguf", "x-00001-of-99999.gguf", "x.gguf"])
def test_what_only_looks_like_a_shard(name: str) -> None:
    assert shards(Path("/m") / name) == (Path("/m") / name,)
