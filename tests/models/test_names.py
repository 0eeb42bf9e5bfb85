"""What a user may type for a model, and what it means."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from homeroom.errors import AmbiguousModel, StoreFailure, UnknownModel
from homeroom.models import names
from homeroom.models.names import Look, Resolved, resolve
from homeroom.models.neighbours import Neighbour, user_folders
from homeroom.models.starter import starter_facts
from homeroom.models.store import Store, StoredFile

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
    path = store.put(name, [StoredFile("model", "m.gguf", DIGEST, 4)], source="test").path
    return Resolved(name, path, DIGEST, "homeroom")


def within(folder: Path) -> Look:
    return lambda: list(user_folders.models((folder,)))


def test_the_name_of_the_starter_is_that_of_its_facts() -> None:
    assert starter_facts().name == names.STARTER


@pytest.mark.parametrize("typed", ["starter", "Starter", "STARTER", " starter ", "starter:latest"])
def test_a_stored_name(store: Store, typed: str) -> None:
    stored = pull(store, "starter")
    assert resolve(typed, store) == stored


def test_a_stored_name_wins_over_a_folder_s(store: Store, folder: Path) -> None:
    assert resolve("top", store, within(folder)).path == folder / "top.gguf"
    stored = pull(store, "top")
    assert resolve("top", store, within(folder)) == stored


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
    assert resolve(str(path), store, within(folder)).name == "top", "the name under which it is listed"
    assert resolve(str(folder / "x" / "same.gguf"), store, within(folder)).name == "x/same"
    stored = pull(store, "starter")
    assert resolve(str(stored.path), store) == stored


def test_any_shard_means_the_model(store: Store, folder: Path) -> None:
    first = folder / "Big-00001-of-00002.gguf"
    for typed in (str(first), str(folder / "Big-00002-of-00002.gguf")):
        assert resolve(typed, store).path == first
    assert resolve("big", store, within(folder)) == Resolved("Big", first, None, "folder")
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
    assert resolve(typed, store, within(folder)) == Resolved(
        "Qwen-7B-Q4_K_M", folder / "pub/repo/Qwen-7B-Q4_K_M.gguf", None, "folder"
    )


@pytest.mark.parametrize(("typed", "choices"), [("same", ("x/same", "y/same")), ("pub/two", ("a, b",))])
def test_an_ambiguous_name_lists_the_choices(store: Store, folder: Path, typed: str, choices: tuple[str, ...]) -> None:
    with pytest.raises(AmbiguousModel) as told:
        resolve(typed, store, within(folder))
    assert all(choice in told.value.message for choice in choices) and told.value.next
    assert resolve("x/same", store, within(folder)).path == folder / "x/same.gguf"


def test_other_programs_are_only_asked_where_the_store_has_no_such_name(store: Store) -> None:
    def never() -> list[Neighbour]:
        raise AssertionError("asked")

    stored = pull(store, "starter")
    assert resolve("starter", store, never) == stored


OLLAMA = Neighbour(
    "ollama:deepseek-r1:7b",
    "ollama",
    (Path("/o"),),
    4,
    DIGEST,
    aliases=frozenset({"deepseek-r1:7b", "ollama:deepseek-r1:7b"}),
)
HUB = Neighbour("hf:o/r:Q4_K_M", "huggingface", (Path("/h"),), 4, aliases=frozenset({"o/r", "hf:o/r", "o/r:q4_k_m"}))
STUDIO = Neighbour("lmstudio:o/r:Q8_0", "lmstudio", (Path("/s"),), 4, aliases=frozenset({"o/r", "o/r:q8_0"}))
LATEST = Neighbour(
    "ollama:me/x:latest", "ollama", (Path("/l"),), 4, aliases=frozenset({"me/x", "me/x:latest", "ollama:me/x"})
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ollama:deepseek-r1:7b", OLLAMA),
        ("OLLAMA:DeepSeek-R1:7b", OLLAMA),
        ("deepseek-r1:7b", OLLAMA),
        ("hf:o/r:q4_k_m", HUB),
        ("hf:o/r", HUB),
        ("o/r:Q8_0", STUDIO),
        ("lmstudio:o/r:Q8_0", STUDIO),
        ("me/x", LATEST),
        ("ollama:me/x", LATEST),
        ("ollama:me/x:latest", LATEST),
    ],
)
@pytest.mark.parametrize("paths", [True, False])
def test_names_of_other_programs_models(store: Store, typed: str, meant: Neighbour, paths: bool) -> None:
    found = resolve(typed, store, lambda: [OLLAMA, HUB, STUDIO, LATEST], paths=paths)
    assert (found.name, found.path, found.keeper) == (meant.name, meant.path, meant.keeper)


def test_a_name_that_several_programs_have_is_not_guessed(store: Store) -> None:
    with pytest.raises(AmbiguousModel) as told:
        resolve("o/r", store, lambda: [HUB, STUDIO])
    assert "hf:o/r:Q4_K_M, lmstudio:o/r:Q8_0" in told.value.message


def test_homeroom_s_own_of_that_name_comes_first(store: Store) -> None:
    stored = pull(store, "deepseek-r1:7b")
    assert resolve("deepseek-r1:7b", store, lambda: [OLLAMA]) == stored
    assert resolve("ollama:deepseek-r1:7b", store, lambda: [OLLAMA]).keeper == "ollama"


def test_the_alias_of_another_program_s_leads_to_homeroom_s_own_of_that_whole_name(store: Store) -> None:
    assert resolve("deepseek-r1:7b", store, lambda: [OLLAMA]).keeper == "ollama"
    stored = pull(store, "ollama:deepseek-r1:7b")
    for words in ("ollama:deepseek-r1:7b", "deepseek-r1:7b"):
        assert resolve(words, store, lambda: [OLLAMA]) == stored, words


def test_an_unknown_name_is_met_with_close_ones(store: Store, folder: Path) -> None:
    with pytest.raises(UnknownModel, match="Did you mean: starter") as told:
        resolve("startr", store)
    assert "homeroom list" in str(told.value.next) and "homeroom pull starter" in str(told.value.next)
    with pytest.raises(UnknownModel, match="Qwen-7B-Q4_K_M"):
        resolve("qwen-7b", store, within(folder))
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
        "hf.co/org/repo:Q4_K_M",
        "https://u:s3cret@h.example/a.gguf?t=s3cret",
    ],
)
def test_forms_of_what_is_elsewhere(store: Store, typed: str) -> None:
    with pytest.raises(UnknownModel) as told:
        resolve(typed, store)
    assert told.value.key == "models.not_yet"
    assert "homeroom pull" in str(told.value.next) and "s3cret" not in str(told.value)


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
