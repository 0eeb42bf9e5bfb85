"""The names of pulled models, and the other words that lead to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeroom.errors import AmbiguousModel, UnknownModel
from homeroom.models import catalogue
from homeroom.models.pulled import family, name_at, name_from, name_of, spelled, stored
from homeroom.models.store import Store, StoredFile


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path)
    made.prepare()
    return made


def put(store: Store, name: str, source: str = "hf:a/b") -> None:
    digest = "0" * 64
    store.blob(digest).write_bytes(b"x")
    store.put(name, [StoredFile("model", "m.gguf", digest, 1)], source=source)


def found(store: Store, words: str) -> str | None:
    model = stored(words, store)
    return None if model is None else model.name


def test_the_name_tells_an_unusual_quantization() -> None:
    entry = catalogue.find("deepseek-r1:7b")
    assert entry is not None
    assert name_of(entry, entry.default_quantization) == "deepseek-r1:7b"
    assert name_of(entry, "UD-Q4_K_XL") == "deepseek-r1:7b-ud-q4_k_xl"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://h.org/a/DeepSeek-R1-7B-Q4_K_M.gguf?token=secret", "DeepSeek-R1-7B-Q4_K_M"),
        ("https://u:p@h.org/a/m-00001-of-00002.gguf", "m"),
        ("https://h.org/%E6%A8%A1%E5%9E%8B.gguf", "model"),
        ("https://h.org/..%2F..%2Fetc%2Fpasswd.gguf", "etc-passwd"),
        (f"https://h.org/{'x' * 500}.gguf", "x" * 100),
    ],
)
def test_the_name_of_an_address_is_its_files_and_can_be_one(store: Store, url: str, name: str) -> None:
    assert name_at(url) == name
    store.manifest(name)  # raises for a name that cannot be


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("hf:a/b:Q4_K_M", "hf:a/b:Q4_K_M"),
        ("hf:a/b", "hf:a/b"),
        ("hf:a/b:folder/My File (1).gguf", "hf:a/b:folder/My-File-(1).gguf"),
        ("ms:a/b:../..", "ms:a/b:8a5edab28263"),
        (f"hf:a/b:{'x' * 300}.gguf", "hf:a/b:e0c4cb2ceaa2"),
    ],
)
def test_the_name_of_a_reference_can_be_one(store: Store, source: str, name: str) -> None:
    found = name_from(source)
    store.manifest(found)  # raises for a name that cannot be
    assert found == name or (found.rpartition(":")[0] == name.rpartition(":")[0] and len(found) == len(name))


def test_a_strangers_quantization_in_a_stored_name() -> None:
    found = spelled("DeepSeek-R1:7b-ud-q4_k_xl")
    assert found is not None and (found[0].name, found[1]) == ("deepseek-r1:7b", "UD-Q4_K_XL")
    assert spelled("deepseek-r1:7b") is spelled("deepseek-r1:8b-llama-distill") is spelled("-q4_k_m") is None


def test_a_name_of_the_catalogue_leads_to_whatever_quantization_is_here(store: Store) -> None:
    assert found(store, "deepseek-r1:7b") is None
    put(store, "deepseek-r1:7b-q6_k")
    for words in ("deepseek-r1:7b", "DeepSeek-R1-Distill-Qwen-7B", "deepseek-r1:7b-q6_k", "deepseek-r1"):
        assert found(store, words) == "deepseek-r1:7b-q6_k", words
    assert found(store, "deepseek-r1:7b-q8_0") is found(store, "deepseek-r1:8b") is None
    put(store, "deepseek-r1:7b")
    assert found(store, "deepseek-r1:7b") == found(store, "deepseek-r1:7b-q4_k_m") == "deepseek-r1:7b"


def test_another_model_is_no_quantization(store: Store) -> None:
    put(store, "deepseek-r1:8b-llama-distill")
    assert found(store, "deepseek-r1:8b") is None


def test_a_family_of_which_several_are_here(store: Store) -> None:
    put(store, "deepseek-r1:1.5b")
    put(store, "deepseek-r1:14b-q8_0")
    with pytest.raises(AmbiguousModel) as caught:
        found(store, "deepseek-r1")
    assert "deepseek-r1:1.5b, deepseek-r1:14b-q8_0" in caught.value.message and "homeroom run" in str(caught.value.next)
    put(store, "deepseek-r1:8b")  # the one that the bare name means
    assert found(store, "deepseek-r1") == "deepseek-r1:8b"


def test_what_a_family_is() -> None:
    assert {"deepseek-r1:7b", "deepseek-r1:671b"} <= {entry.name for entry in family("DEEPSEEK-r1")}
    assert family("deepseek-r1:7b") == family("no-such-model") == ()
    assert family("DeepSeek-R1") == ()  # to the letter it is a model's own name


def test_a_reference_leads_to_its_choice(store: Store) -> None:
    put(store, "hf:a/b:Q4_K_M", "hf:a/b:Q4_K_M")
    put(store, "deepseek-r1:7b", "ms:c/d:Q4_K_M")
    assert found(store, "hf:a/b") == found(store, "hf:A/B:q4_k_m") == "hf:a/b:Q4_K_M"
    assert found(store, "ms:c/d") == found(store, "ms:c/d:Q4_K_M") == "deepseek-r1:7b"
    assert found(store, "hf:a/b:Q8_0") is found(store, "hf:a/b2") is found(store, "ms:a/b") is None
    put(store, "hf:a/b:Q8_0", "hf:a/b:Q8_0")
    with pytest.raises(AmbiguousModel):
        found(store, "hf:a/b")


def test_a_reference_with_its_choice_leads_to_what_was_stored_without(store: Store) -> None:
    store.blob("0" * 64).write_bytes(b"x")
    store.put("hf:a/b", [StoredFile("model", "m-Q4_K_M.gguf", "0" * 64, 1)], source="hf:a/b")
    assert found(store, "hf:a/b:q4_k_m") == "hf:a/b"
    assert found(store, "hf:a/b:Q8_0") is found(store, "hf:a/c:Q4_K_M") is None


def test_an_ollama_name_without_a_tag_is_its_latest(store: Store) -> None:
    put(store, "ollama:qwen3:8b", "ollama:qwen3:8b")
    assert found(store, "ollama:qwen3") is None
    put(store, "ollama:qwen3:latest", "ollama:qwen3:latest")
    assert found(store, "ollama:qwen3") == "ollama:qwen3:latest"


def test_an_address_leads_to_what_came_from_it(store: Store) -> None:
    put(store, "m-Q4_K_M", "https://h.org/m-Q4_K_M.gguf")
    assert found(store, "https://h.org/m-Q4_K_M.gguf?token=secret") == "m-Q4_K_M"
    assert found(store, "https://h.org/other.gguf") is None


def test_what_begins_as_a_reference_and_is_none(store: Store) -> None:
    with pytest.raises(UnknownModel):
        found(store, "hf:../..")
