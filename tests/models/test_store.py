"""The store on a real disk: what it keeps, and what a hostile or broken manifest cannot do."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.errors import StoreFailure
from homeroom.models.store import Store, StoredModel, folder_models, shards, valid_name

CONTENT = b"GGUF and so on"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "models", clock=lambda: THEN)
    store.prepare()
    return store


def keep(store: Store, name: str = "starter", content: bytes = CONTENT) -> StoredModel:
    digest = hashlib.sha256(content).hexdigest()
    store.blob(digest).write_bytes(content)
    return store.put(name, sha256=digest, size=len(content), source="package:x==1", licence="MIT", note="A model")


def test_what_is_put_is_there(store: Store) -> None:
    model = keep(store)
    assert model == StoredModel(
        name="starter",
        path=store.folder / "blobs" / f"sha256-{DIGEST}",
        sha256=DIGEST,
        bytes=len(CONTENT),
        source="package:x==1",
        pulled_at=THEN,
        last_used=None,
        licence="MIT",
        note="A model",
    )
    assert store.get("starter") == store.get("Starter") == model
    assert list(store.all()) == [model] and len(store.all()) == 1
    assert not list(store.partial.iterdir())


def test_a_manifest_is_readable(store: Store) -> None:
    keep(store)
    written = json.loads((store.folder / "manifests" / "starter.json").read_text())
    assert written["pulled_at"] == "2026-01-02T03:04:05Z" and written["sha256"] == DIGEST and written["bytes"] == 14


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_folders_are_their_owner_s_alone(store: Store) -> None:
    for folder in (store.folder, *store.folder.iterdir()):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_reading_an_empty_home_creates_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "models")
    assert store.get("starter") is None and list(store.all()) == []
    store.touch_used("starter")
    assert not list(tmp_path.iterdir())


def test_models_are_listed_by_name_and_the_last_use_is_kept(tmp_path: Path) -> None:
    now = [THEN]
    store = Store(tmp_path / "models", clock=lambda: now[0])
    store.prepare()
    for name, content in {"b:7b": b"1", "A": b"2", "c": b"3"}.items():
        keep(store, name, content)
    now[0] += timedelta(hours=1)
    store.touch_used("B:7b")
    assert [(model.name, model.last_used) for model in store.all()] == [("A", None), ("b:7b", now[0]), ("c", None)]


def test_two_names_for_the_same_bytes(store: Store) -> None:
    assert keep(store, "one").path == keep(store, "two").path
    assert len(list((store.folder / "blobs").iterdir())) == 1


def test_a_name_without_its_file_is_refused(store: Store) -> None:
    with pytest.raises(StoreFailure, match="missing"):
        store.put("starter", sha256=DIGEST, size=3, source="x")


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "../../../../etc/passwd"},
        {"sha256": "a" * 63 + "\n"},
        {"sha256": DIGEST.upper()},
        {"sha256": DIGEST + "/../x"},
        {"sha256": None},
        {"sha256": [DIGEST]},
        {"name": "../starter"},
        {"name": "other"},
        {"name": "starter\n"},
        {"name": 7},
        {"bytes": -1},
        {"bytes": True},
        {"bytes": "14"},
        {"bytes": 15},
        {"pulled_at": "yesterday"},
        {"pulled_at": None},
        {"source": {"a": 1}},
        {"format": 2},
    ],
)
def test_a_hostile_manifest_is_reported_and_harms_nobody(store: Store, change: dict[str, object]) -> None:
    keep(store)
    good = keep(store, "good", b"other")
    path = store.folder / "manifests" / "starter.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    listing = store.all()
    assert list(listing) == [good]
    assert [(broken.name, broken.path) for broken in listing.broken] == [("starter", path)] and listing.broken[0].reason
    with pytest.raises(StoreFailure, match="starter") as told:
        store.get("starter")
    assert told.value.next


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"bytes": ' + b"9" * 5000 + b"}", b"[" * 100_000, b"1" * 2_000_000],
)
def test_a_manifest_that_is_none(store: Store, raw: bytes) -> None:
    path = store.folder / "manifests" / "starter.json"
    path.write_bytes(raw)
    assert [broken.path for broken in store.all().broken] == [path]


def test_a_file_that_is_gone_or_short_is_reported(store: Store) -> None:
    model = keep(store)
    model.path.write_bytes(CONTENT[:-1])
    assert "not whole" in store.all().broken[0].reason
    model.path.unlink()
    assert "missing" in store.all().broken[0].reason


@pytest.mark.parametrize("digest", ["", DIGEST[:-1], DIGEST + "\n", DIGEST + "/../x", DIGEST.upper(), "../" + DIGEST])
def test_no_digest_leaves_the_store(store: Store, digest: str) -> None:
    with pytest.raises(StoreFailure, match="not a SHA-256"):
        store.blob(digest)


@given(st.text())
def test_no_name_leaves_the_store(name: str) -> None:
    store = Store(Path("/home/u/models"))
    if not valid_name(name):
        assert store.get(name) is None
        with pytest.raises(StoreFailure):
            store.manifest(name)
    else:
        assert store.manifest(name).resolve().parent == store.folder.resolve() / "manifests"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", "a..b", "a:b:c", ":a", "a:", "-a", "a\n", "a\0", "é", "x" * 129]
)
def test_names_that_are_none(name: str) -> None:
    assert not valid_name(name)


@pytest.mark.parametrize("name", ["starter", "deepseek-r1:7b-q8_0", "A.b_c-1", "x" * 128])
def test_names_that_are(name: str) -> None:
    assert valid_name(name)


# ---- folders of others


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
    monkeypatch.setattr("homeroom.models.store.MOST_FILES", 2)
    for n in range(5):
        put(tmp_path / f"{n}.gguf")
    assert len(folder_models((tmp_path,))) == 2


@pytest.mark.parametrize("name", ["x-00000-of-00002.gguf", "x-00003-of-00002.gguf", "x-00001-of-99999.gguf", "x.gguf"])
def test_what_only_looks_like_a_shard(name: str) -> None:
    assert shards(Path("/m") / name) == (Path("/m") / name,)
