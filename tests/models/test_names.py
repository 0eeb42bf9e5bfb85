"""What a user may type for a model, and what it means."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from homeroom.errors import AmbiguousModel, StoreFailure, UnknownModel
from homeroom.models import names
from homeroom.models.names import Resolved, resolve
from homeroom.models.starter import starter_facts
from homeroom.models.store import Store

DIGEST = hashlib.sha256(b"GGUF").hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "home" / "models")
    store.prepare()
    return store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    for name in (
        "top.gguf",
        "pub/repo/Qwen-7B-Q4_K_M.gguf",
        "pub/two/a.gguf",
        "pub/two/b.gguf",
        "x/same.gguf",
        "y/same.gguf",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    for n in (1, 2):
        (folder / f"Big-0000{n}-of-00002.gguf").write_bytes(b"%d" % n)
    return folder


def pull(store: Store, name: str) -> Resolved:
    store.blob(DIGEST).write_bytes(b"GGUF")
    return Resolved(name, store.put(name, sha256=DIGEST, size=4, source="test").path, DIGEST)


def test_the_name_of_the_starter_is_that_of_its_facts() -> None:
    assert starter_facts().name == names.STARTER


@pytest.mark.parametrize("typed", ["starter", "Starter", "STARTER", " starter ", "starter:latest"])
def test_a_stored_name(store: Store, typed: str) -> None:
    stored = pull(store, "starter")
    assert resolve(typed, store) == stored


def test_a_stored_name_wins_over_a_folder_s(store: Store, folder: Path) -> None:
    assert resolve("top", store, (folder,)).path == folder / "top.gguf"
    stored = pull(store, "top")
    assert resolve("top", store, (folder,)) == stored


@pytest.mark.parametrize("typed", ["starter", "STARTER", "starter:latest"])
def test_the_starter_that_is_not_pulled(store: Store, typed: str) -> None:
    with pytest.raises(UnknownModel) as told:
        resolve(typed, store)
    assert told.value.key == "models.not_pulled" and "homeroom pull starter" in str(told.value.next)


def test_a_broken_entry_is_told_not_hidden(store: Store) -> None:
    pull(store, "starter").path.unlink()
    with pytest.raises(StoreFailure, match="homeroom pull starter"):
        resolve("starter", store)


def test_paths(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "top.gguf"
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    for typed in (str(path), "top.gguf", "./top.gguf", "../mine/top.gguf", "~/top.gguf", "x/../top.gguf"):
        found = resolve(typed, store)
        assert found.path.samefile(path) and found.sha256 is None, typed
    assert resolve("top.gguf", store).name == str(path), "a path where it has no other name"
    assert resolve(str(path), store, (folder,)).name == "top", "the name under which it is listed"
    assert resolve(str(folder / "x" / "same.gguf"), store, (folder,)).name == str(folder / "x" / "same.gguf")
    stored = pull(store, "starter")
    assert resolve(str(stored.path), store) == stored


def test_any_shard_means_the_model(store: Store, folder: Path) -> None:
    first = folder / "Big-00001-of-00002.gguf"
    for typed in (str(first), str(folder / "Big-00002-of-00002.gguf")):
        assert resolve(typed, store).path == first
    assert resolve("big", store, (folder,)) == Resolved("Big", first, None)
    first.unlink()
    with pytest.raises(UnknownModel, match="Big-00001-of-00002"):
        resolve(str(folder / "Big-00002-of-00002.gguf"), store)


@pytest.mark.parametrize(
    "typed",
    [
        "Qwen-7B-Q4_K_M",
        "qwen-7b-q4_k_m",
        "qwen-7b-q4_k_m.gguf",
        "pub/repo",
        "Pub/Repo/Qwen-7B-Q4_K_M",
        "pub/repo/qwen-7b-q4_k_m.gguf",
        "qwen-7b-q4_k_m:latest",
    ],
)
def test_names_of_a_model_in_a_folder(store: Store, folder: Path, typed: str) -> None:
    assert resolve(typed, store, (folder,)) == Resolved("Qwen-7B-Q4_K_M", folder / "pub/repo/Qwen-7B-Q4_K_M.gguf", None)


@pytest.mark.parametrize(
    ("typed", "choices"), [("same", ("x/same.gguf", "y/same.gguf")), ("pub/two", ("two/a.gguf", "two/b.gguf"))]
)
def test_an_ambiguous_name_lists_the_choices(store: Store, folder: Path, typed: str, choices: tuple[str, ...]) -> None:
    with pytest.raises(AmbiguousModel) as told:
        resolve(typed, store, (folder,))
    assert all(choice in told.value.message for choice in choices) and told.value.next
    assert resolve("x/same", store, (folder,)).path == folder / "x/same.gguf"


def test_an_unknown_name_is_met_with_close_ones(store: Store, folder: Path) -> None:
    with pytest.raises(UnknownModel, match="Did you mean: starter") as told:
        resolve("startr", store)
    assert "homeroom list" in str(told.value.next) and "homeroom pull starter" in str(told.value.next)
    with pytest.raises(UnknownModel, match="Qwen-7B-Q4_K_M"):
        resolve("qwen-7b", store, (folder,))
    with pytest.raises(UnknownModel) as told:
        resolve("zzzzz", store)
    assert told.value.key == "models.unknown" and "homeroom pull starter" in str(told.value.next)


@pytest.mark.parametrize(
    "typed",
    [
        "hf:org/repo:Q4_K_M",
        "ms:org/repo",
        "ollama:deepseek-r1:7b",
        "OLLAMA:x",
        "https://u:s3cret@h.example/a.gguf?t=s3cret",
        "file:///a.gguf",
    ],
)
def test_forms_that_cannot_be_fetched_yet(store: Store, typed: str) -> None:
    with pytest.raises(UnknownModel, match="cannot fetch") as told:
        resolve(typed, store)
    assert "homeroom pull starter" in str(told.value.next) and "s3cret" not in str(told.value)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("./missing.gguf", "models.no_file"),
        ("missing.gguf", "models.no_file"),
        ("~nobody-of-that-name/x.gguf", "models.no_file"),
        ("/" + "x" * 5000, "models.no_file"),
        ("/a\0b.gguf", "models.no_file"),
        (".", "models.is_folder"),
        ("..", "models.is_folder"),
        ("", "models.unknown"),
        ("../../no/such/file", "models.no_file"),
    ],
)
def test_what_is_no_model(store: Store, typed: str, key: str) -> None:
    with pytest.raises(UnknownModel) as told:
        resolve(typed, store)
    assert told.value.key == key and told.value.next
