"""Every byte read again: what is whole, what is not, and that a damaged model is none until it is mended."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from homeroom.errors import StoreFailure, UnknownModel
from homeroom.models.store import Store, StoredFile
from homeroom.models.store.verify import verify
from support.stores import SHARDS, Silent, assert_whole, blob, check, digest, keep, keep_split

CONTENT = bytes(range(256)) * 10_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "models")
    keep(store, "starter", CONTENT)
    keep_split(store)
    return store


def flip(path: Path, at: int) -> None:
    """One bit of *path* turns over, as on an old disk: nothing about the file tells."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_whole_store_and_how_far_it_is(store: Store) -> None:
    progress = Silent()
    checked = verify(store, progress=progress)
    size = sum(map(len, SHARDS))
    assert [(one.name, one.state, one.bytes, one.faults) for one in checked] == [
        ("big", "whole", size, ()),
        ("starter", "whole", len(CONTENT), ()),
    ]
    assert progress.begun == [("Checking big", size), ("Checking starter", len(CONTENT))]
    assert progress.read == size + len(CONTENT)


def test_an_empty_home_is_whole_and_stays_empty(tmp_path: Path) -> None:
    assert verify(Store(tmp_path / "models"), progress=Silent()) == () and not list(tmp_path.iterdir())


def test_a_file_of_two_models_is_read_once(store: Store) -> None:
    keep(store, "again", CONTENT)
    progress = Silent()
    assert len(verify(store, ["again", "starter", "STARTER"], progress=progress)) == 2
    assert progress.read == len(CONTENT)


def test_of_a_model_whose_weights_were_read_nobody_waits_for_the_rest(store: Store) -> None:
    store.put("again", [blob(store, CONTENT), blob(store, b"MIT", "license", "license")], source="x")
    store.put("Big2", [blob(store, CONTENT), blob(store, b"you", "system", "system")], source="x")
    progress = Silent()
    checked = verify(store, progress=progress)
    assert [one.name for one in checked] == ["again", "big", "Big2", "starter"], "as the list has them"
    assert [one.state for one in checked] == ["whole"] * 4
    assert len(progress.begun) == 2, "one of the three that share their weights, and the split one"
    store.blob(digest(b"you")).write_bytes(b"yoU")
    assert [one.name for one in verify(store, progress=Silent()) if one.faults] == ["Big2"]


def test_only_the_models_that_are_named(store: Store) -> None:
    flip(store.blob(digest(CONTENT)), 5)
    assert set(check(store, "big")) == {"big"} and check(store, "big")["big"].state == "whole"
    with pytest.raises(UnknownModel):
        check(store, "big", "nobody")


@pytest.mark.parametrize("at", [0, 1_234_567, len(CONTENT) - 1])
def test_one_bit_is_found_wherever_it_is(store: Store, at: int) -> None:
    path = store.blob(digest(CONTENT))
    flip(path, at)
    assert store.get("starter") is not None, "its length is right: nobody has read it yet"
    (fault,) = check(store)["starter"].faults
    assert (fault.state, fault.path) == ("damaged", path) and str(path) in fault.reason
    assert check(store)["big"].state == "whole"


@pytest.mark.parametrize("change", [-1, 1, -len(CONTENT)])
def test_a_file_of_another_length(store: Store, change: int) -> None:
    path = store.blob(digest(CONTENT))
    path.write_bytes((CONTENT + b"x")[: len(CONTENT) + change])
    (fault,) = check(store)["starter"].faults
    assert fault.state == "damaged" and f"{len(CONTENT) + change:,}" in fault.reason and "2,560,000" in fault.reason


def test_a_file_that_is_gone(store: Store) -> None:
    model = store.get("big")
    assert model is not None
    path = store.blob(model.files[1].sha256)
    path.unlink()
    (fault,) = check(store)["big"].faults
    assert (fault.state, fault.path) == ("missing", path)


def test_a_file_that_cannot_be_read(store: Store) -> None:
    path = store.blob(digest(CONTENT))
    path.unlink()
    path.mkdir()
    (fault,) = check(store)["starter"].faults
    assert fault.state == "damaged" and "directory" in fault.reason


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"format": 3}', b"\0"])
def test_a_broken_manifest_is_told(store: Store, raw: bytes) -> None:
    store.manifest("starter").write_bytes(raw)
    (fault,) = check(store)["starter"].faults
    assert (fault.state, fault.path) == ("broken", store.manifest("starter"))
    assert check(store, "big")["big"].state == "whole"


def test_a_manifest_that_lies_about_a_length(store: Store) -> None:
    path = store.manifest("starter")
    path.write_text(path.read_text().replace(f"{len(CONTENT)}", "7"))
    keep(store, "right", CONTENT)
    assert {name: one.state for name, one in check(store).items()} == {
        "big": "whole",
        "right": "whole",
        "starter": "damaged",
    }


# ---- what a damaged model is until it is mended


def test_a_damaged_model_is_no_model_until_another_file_takes_its_place(store: Store) -> None:
    path = store.blob(digest(CONTENT))
    flip(path, 99)
    check(store)
    with pytest.raises(StoreFailure, match="found its file damaged") as told:
        store.get("starter")
    assert "homeroom pull starter" in str(told.value.next)
    assert not store.holds(digest(CONTENT), len(CONTENT)) and [one.name for one in store.all().broken] == ["starter"]
    with pytest.raises(StoreFailure, match="not whole"):
        store.put("other", [StoredFile("model", "m.gguf", digest(CONTENT), len(CONTENT))], source="x")
    fresh = store.partial / "fresh"
    fresh.write_bytes(CONTENT)
    fresh.replace(path)
    assert store.get("starter") is not None and assert_whole(store) == {"starter", "big"}


def test_a_damaged_model_that_is_mended_in_place(store: Store) -> None:
    path = store.blob(digest(CONTENT))
    flip(path, 99)
    check(store)
    flip(path, 99)
    assert not store.holds(digest(CONTENT), len(CONTENT)), "nobody has said so yet"
    store.mark(digest(CONTENT), damaged=False)
    assert store.get("starter") is not None


def test_verify_itself_sees_that_a_model_is_whole_again(store: Store) -> None:
    path = store.blob(digest(CONTENT))
    for state in ("damaged", "whole"):
        flip(path, 7)
        assert check(store)["starter"].state == state
    assert store.get("starter") is not None and not list((store.folder / "damaged").iterdir())


def test_a_disk_that_cannot_be_written_can_be_verified(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    flip(store.blob(digest(CONTENT)), 7)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    for name in ("replace", "mkdir", "unlink", "utime"):
        monkeypatch.setattr(os, name, refuse)
    assert check(store)["starter"].state == "damaged"


# ---- links


@pytest.mark.parametrize("harm", ["folder gone", "one gone", "a copy"])
def test_the_names_of_shards_are_put_back(store: Store, harm: str) -> None:
    """After a copy of the store by hand, which makes two files of one."""
    model = store.get("big")
    assert model is not None
    if harm == "folder gone":
        shutil.rmtree(model.path.parent)
    else:
        content = model.path.read_bytes()
        model.path.unlink()
        if harm == "a copy":
            model.path.write_bytes(content)
    with pytest.raises(StoreFailure):
        store.get("big")
    found = check(store)["big"]
    assert (found.state, found.mended) == ("whole", True)
    assert store.get("big") == model and check(store)["big"].mended is False


def test_what_is_removed_meanwhile_is_no_fault(store: Store) -> None:
    class Remover(Silent):
        def done(self) -> None:
            if store.manifest("starter").exists():
                store.remove("starter")

    assert [one.name for one in verify(store, progress=Remover())] == ["big"]


def test_what_comes_with_a_model_is_read_too(store: Store) -> None:
    template = blob(store, b"{{ .Prompt }}", "template", "template")
    store.put("ollama:x:7b", [blob(store, CONTENT), template], source="x")
    flip(store.blob(template.sha256), 3)
    assert check(store)["ollama:x:7b"].state == "damaged" and check(store)["starter"].state == "whole"
