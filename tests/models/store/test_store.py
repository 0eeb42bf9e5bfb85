"""The store on a real disk: what it keeps, and what a hostile or broken manifest cannot do."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.errors import StoreFailure
from homeroom.models.store import Store, StoredFile, StoredModel, valid_name
from homeroom.models.store.manifest import file_name, name_of, plain_file_name

CONTENT = b"GGUF and so on"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SHARDS = tuple(f"Big-Q4_K_M-0000{n}-of-00003.gguf" for n in (1, 2, 3))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "models", clock=lambda: THEN)
    store.prepare()
    return store


def blob(store: Store, content: bytes, name: str = "m.gguf", role: str = "model") -> StoredFile:
    """A file of the store, as after a download."""
    digest = hashlib.sha256(content).hexdigest()
    store.blob(digest).write_bytes(content)
    return StoredFile(role, name, digest, len(content))


def keep(store: Store, name: str = "starter", content: bytes = CONTENT) -> StoredModel:
    return store.put(name, [blob(store, content)], source="package:x==1", licence="MIT", note="A model")


def keep_split(store: Store, name: str = "big", names: Sequence[str] = SHARDS) -> StoredModel:
    return store.put(name, [blob(store, part.encode(), part) for part in names], source="hf:o/r")


def test_what_is_put_is_there(store: Store) -> None:
    model = keep(store)
    assert model == StoredModel(
        name="starter",
        files=(StoredFile("model", "m.gguf", DIGEST, len(CONTENT)),),
        paths=(store.folder / "blobs" / f"sha256-{DIGEST}",),
        source="package:x==1",
        pulled_at=THEN,
        last_used=None,
        licence="MIT",
        note="A model",
    )
    assert (model.path, model.sha256, model.bytes) == (model.paths[0], DIGEST, len(CONTENT))
    assert store.get("starter") == store.get("Starter") == model
    assert list(store.all()) == [model] and len(store.all()) == 1
    assert not list(store.partial.iterdir())


def test_a_manifest_is_readable(store: Store) -> None:
    keep(store, "hf:Org/Repo-GGUF:Q4_K_M")
    written = json.loads((store.folder / "manifests" / "hf@org+repo-gguf@q4_k_m.json").read_text())
    assert written == {
        "format": 2,
        "name": "hf:Org/Repo-GGUF:Q4_K_M",
        "files": [{"role": "model", "name": "m.gguf", "sha256": DIGEST, "bytes": 14}],
        "source": "package:x==1",
        "pulled_at": "2026-01-02T03:04:05Z",
        "licence": "MIT",
        "note": "A model",
    }


def test_a_manifest_of_format_1_is_still_read(store: Store) -> None:
    blob(store, CONTENT)
    facts = {"format": 1, "name": "starter", "sha256": DIGEST, "bytes": 14, "source": "x", "note": "A model"}
    facts |= {"pulled_at": "2026-01-02T03:04:05Z", "licence": "MIT"}
    (store.folder / "manifests" / "starter.json").write_text(json.dumps(facts))
    model = store.get("starter")
    assert model is not None
    assert (model.path, model.sha256, model.bytes) == (store.blob(DIGEST), DIGEST, 14)
    assert (model.source, model.licence, model.note, model.pulled_at) == ("x", "MIT", "A model", THEN)


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_folders_are_their_owner_s_alone(store: Store) -> None:
    for folder in (store.folder, *store.folder.iterdir()):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_reading_an_empty_home_creates_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "models")
    assert store.get("starter") is None and list(store.all()) == [] and store.prune().items == ()
    assert not list(tmp_path.iterdir())


def test_models_are_listed_by_name_and_the_last_use_is_kept(tmp_path: Path) -> None:
    now = [THEN]
    store = Store(tmp_path / "models", clock=lambda: now[0])
    for name, content in {"b:7b": b"1", "A": b"2", "c": b"3"}.items():
        store.prepare()
        keep(store, name, content)
    now[0] += timedelta(hours=1)
    store.touch_used("B:7b")
    assert [(model.name, model.last_used) for model in store.all()] == [("A", None), ("b:7b", now[0]), ("c", None)]


def test_two_names_for_the_same_bytes(store: Store) -> None:
    assert keep(store, "one").path == keep(store, "two").path
    assert len(list((store.folder / "blobs").iterdir())) == 1


def test_a_model_may_have_more_than_its_weights(store: Store) -> None:
    extras = [
        blob(store, b"{{ .System }}", "template", "template"),
        blob(store, b"Be brief.", "system", "system"),
        blob(store, b'{"stop": ["x"]}', "params", "params"),
        blob(store, b"MIT", "license", "license"),
    ]
    model = store.put("ollama:deepseek-r1:7b", [extras[0], blob(store, CONTENT), *extras[1:]], source="ollama")
    assert model.paths == (store.blob(DIGEST),) and model.sha256 == DIGEST and model.bytes == 14
    assert [(file.role, store.blob(file.sha256).read_bytes()[:3]) for file in model.files] == [
        ("template", b"{{ "),
        ("model", b"GGU"),
        ("system", b"Be "),
        ("params", b'{"s'),
        ("license", b"MIT"),
    ]
    assert store.get("OLLAMA:deepseek-r1:7b") == model


# ---- split models


def test_shards_lie_side_by_side_under_their_own_names(store: Store) -> None:
    model = keep_split(store)
    assert tuple(path.name for path in model.paths) == SHARDS and len({path.parent for path in model.paths}) == 1
    assert [path.read_bytes().decode() for path in model.paths] == list(SHARDS)
    assert model.sha256 is None and model.bytes == sum(map(len, SHARDS)) and store.get("big") == model
    for path, file in zip(model.paths, model.files, strict=True):
        assert path.samefile(store.blob(file.sha256)) and not path.is_symlink()


def test_a_disk_without_hard_links_gets_symbolic_ones_that_move_with_the_store(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")  # what Linux says on exFAT

    monkeypatch.setattr(os, "link", refuse)
    model = keep_split(store)
    assert all(path.is_symlink() and not path.readlink().is_absolute() for path in model.paths)
    moved = Store(store.folder.rename(tmp_path / "elsewhere")).get("big")
    assert moved is not None and [path.read_text() for path in moved.paths] == list(SHARDS)


def test_a_disk_without_any_links_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "symlink", refuse)
    with pytest.raises(StoreFailure, match="hard nor symbolic") as told:
        keep_split(store)
    assert "HOMEROOM_HOME" in str(told.value.next) and store.get("big") is None
    assert keep(store).path.exists(), "a model of one file needs no links"


def test_the_same_first_shard_in_two_models(store: Store) -> None:
    one = keep_split(store)
    other = [blob(store, SHARDS[0].encode(), SHARDS[0]), *(blob(store, b"else", part) for part in SHARDS[1:])]
    assert store.put("other", other, source="x").paths[0].parent != one.paths[0].parent
    assert store.get("big") == one
    assert keep_split(store, "again").paths == one.paths


@pytest.mark.parametrize("harm", ["gone", "another", "folder"])
def test_links_that_are_not_as_they_were_are_told_and_mended_by_put(store: Store, harm: str) -> None:
    model = keep_split(store)
    if harm == "folder":
        shutil.rmtree(model.paths[0].parent)
    else:
        model.paths[1].unlink()
        if harm == "another":
            model.paths[1].write_bytes(b"not the blob")
    with pytest.raises(StoreFailure, match="under their own names"):
        store.get("big")
    assert keep_split(store) == model == store.get("big")


@pytest.mark.parametrize(
    "names",
    [
        [],
        SHARDS[:2],
        SHARDS[1:],
        (SHARDS[1], SHARDS[0], SHARDS[2]),
        (SHARDS[0], SHARDS[0], SHARDS[2]),
        (SHARDS[0], "Other-00002-of-00003.gguf", SHARDS[2]),
        ("a.gguf", "b.gguf"),
        (*SHARDS, "a.gguf"),
    ],
)
def test_files_that_are_not_one_whole_model(store: Store, names: Sequence[str]) -> None:
    with pytest.raises(StoreFailure, match="not one whole model"):
        keep_split(store, names=names)
    assert not list((store.folder / "split").iterdir()) and not store.manifests()


# ---- what is refused


def test_a_name_without_its_file_is_refused(store: Store) -> None:
    for size in (3, len(CONTENT)):
        with pytest.raises(StoreFailure, match="missing") as told:
            store.put("starter", [StoredFile("model", "m.gguf", DIGEST, size)], source="x")
        assert "homeroom pull starter" in str(told.value.next)
    assert not store.manifests()


@pytest.mark.parametrize(
    "change",
    [
        {"files": None},
        {"files": {}},
        {"files": []},
        {"files": [None]},
        {"files": [{"role": "model"}]},
        {"name": "../starter"},
        {"name": "other"},
        {"name": "starter\n"},
        {"name": 7},
        {"pulled_at": "yesterday"},
        {"pulled_at": None},
        {"pulled_at": "0001-01-01T00:00:00+23:00"},
        {"source": {"a": 1}},
        {"licence": 1},
        {"format": 3},
        {"format": "2"},
        {"format": True},
    ],
)
def test_a_hostile_manifest_is_reported_and_harms_nobody(store: Store, change: dict[str, object]) -> None:
    keep(store)
    assert_broken(store, change)


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "../../../../etc/passwd"},
        {"sha256": "a" * 63 + "\n"},
        {"sha256": DIGEST.upper()},
        {"sha256": DIGEST + "/../x"},
        {"sha256": None},
        {"sha256": [DIGEST]},
        {"bytes": -1},
        {"bytes": True},
        {"bytes": "14"},
        {"bytes": 15},
        {"bytes": 1 << 62},
        {"bytes": 14.0},
        {"role": "projector"},
        {"role": "../model"},
        {"role": "model\n"},
        {"role": 1},
        {"name": None},
        {"name": "Big-00001-of-00002.gguf"},
    ],
)
def test_a_hostile_file_in_a_manifest(store: Store, change: dict[str, object]) -> None:
    keep(store)
    path = store.folder / "manifests" / "starter.json"
    (file,) = json.loads(path.read_text())["files"]
    assert_broken(store, {"files": [file | change]})


HOSTILE_NAMES = {
    "empty": "",
    "here": ".",
    "up": "..",
    "up and out": "../../../../root/.ssh/authorized_keys",
    "absolute": "/etc/ld.so.preload",
    "backslash": "..\\..\\evil.gguf",
    "drive": "C:evil.gguf",
    "drive and root": "C:\\evil.gguf",
    "share": "\\\\host\\share",
    "stream": "m.gguf:hidden",
    "NUL byte": "m.gguf\0.txt",
    "newline": "m\n.gguf",
    "escape": "m\x1b[2J.gguf",
    "right to left": "m\u202effug.exe",
    "surrogate": "m\udcff.gguf",
    "device": "NUL",
    "device with a suffix": "con.gguf",
    "device with a number": "Com1.00001.gguf",
    "device with a raised number": "lpt².gguf",
    "device and a space": "aux .gguf",
    "hidden": ".bashrc",
    "space before": " m.gguf",
    "dot after": "m.gguf.",
    "space after": "m.gguf ",
    "wildcard": "*.gguf",
    "pipe": "m|.gguf",
    "too long": "m" * 250 + ".gguf",
    "too long in UTF-8": "模" * 90 + ".gguf",
}


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_no_file_name_leaves_the_store(store: Store, name: str) -> None:
    assert not plain_file_name(name)
    with pytest.raises(StoreFailure, match="not a plain file name"):
        store.put("evil", [blob(store, CONTENT, name)], source="x")
    keep(store)
    file = {"role": "model", "name": name, "sha256": DIGEST, "bytes": 14}
    assert_broken(store, {"files": [file]})


@pytest.mark.parametrize("before", ["../", "/tmp/", "..\\", "C:", "x/", ".", "x\0", "nul."])
def test_no_shard_s_name_leaves_the_store(store: Store, before: str, tmp_path: Path) -> None:
    model = keep_split(store)
    files = json.loads((store.folder / "manifests" / "big.json").read_text())["files"]
    hostile = [file | {"name": f"{before}Big-0000{n}-of-00003.gguf"} for n, file in enumerate(files, 1)]
    before_that = sorted(tmp_path.rglob("*"))
    with pytest.raises(StoreFailure, match="not a plain file name"):
        store.put("evil", [StoredFile(**file) for file in hostile], source="x")
    path = store.folder / "manifests" / "big.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": hostile}))
    assert not list(store.all()) and len(store.all().broken) == 1
    assert sorted(tmp_path.rglob("*")) == before_that and model.path.exists()


def assert_broken(store: Store, change: dict[str, Any]) -> None:
    """The starter's manifest with *change* is told to be broken, and nothing else is harmed."""
    good = keep(store, "good", b"other")
    path = store.folder / "manifests" / "starter.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    listing = store.all()
    assert list(listing) == [good]
    assert [(broken.name, broken.path) for broken in listing.broken] == [("starter", path)] and listing.broken[0].reason
    assert listing.broken[0].reason.isprintable()
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


def test_a_manifest_under_a_name_that_is_none(store: Store) -> None:
    keep(store)
    path = (store.folder / "manifests" / "starter.json").rename(store.folder / "manifests" / "not a name.json")
    assert [(broken.name, broken.path) for broken in store.all().broken] == [("not a name", path)]


def test_a_file_that_is_gone_or_short_is_reported(store: Store) -> None:
    model = keep(store)
    model.path.write_bytes(CONTENT[:-1])
    assert "not whole" in store.all().broken[0].reason
    model.path.unlink()
    assert "missing" in store.all().broken[0].reason


@pytest.mark.parametrize("digest", ["", DIGEST[:-1], DIGEST + "\n", DIGEST + "/../x", DIGEST.upper(), "../" + DIGEST])
def test_no_digest_leaves_the_store(store: Store, digest: str) -> None:
    for place in (store.blob, store.pieces, store.lock):
        with pytest.raises(StoreFailure, match="not a SHA-256"):
            place(digest)


# ---- names


@given(st.text())
def test_no_name_leaves_the_store(name: str) -> None:
    store = Store(Path("/home/u/models"))
    if not valid_name(name):
        assert store.get(name) is None
        with pytest.raises(StoreFailure):
            store.manifest(name)
    else:
        assert store.manifest(name).resolve().parent == store.folder.resolve() / "manifests"


NAMES = st.from_regex(
    r"([a-zA-Z0-9][\w.-]{0,9}(:[\w.-]{1,9})?)|((hf|ms|ollama):\w[\w.-]{0,9}(/\w[\w.-]{0,9})?(:\w[\w.+=,@()~/-]{0,9})?)",
    fullmatch=True,
)


@given(NAMES, NAMES)
def test_names_become_file_names_one_to_one_but_for_case(one: str, other: str) -> None:
    if valid_name(one) and valid_name(other):
        encoded = file_name(one)
        assert (encoded == file_name(other)) == (one.lower() == other.lower())
        assert name_of(encoded) == one.lower()
        assert encoded.islower() or not any(map(str.isalpha, encoded))
        assert plain_file_name(encoded) and plain_file_name(f"{encoded}.json")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        "a..b",
        "a:b:c",
        ":a",
        "a:",
        "-a",
        "a\n",
        "a\0",
        "é",
        "x" * 201,
        "hf:",
        "hf:/etc/passwd",
        "hf:../x",
        "hf:a/../b",
        "hf:a/b/c",
        "hf:a/b:",
        "hf:a/b:../../x",
        "hf:a/b:/etc",
        "hf:a/b:c\\d",
        "hf:a/b:c:d",
        "hf:a/b:c%2fd",
        "hf:a/b:Q4 K",
        "hf:a/\u0130",
        "hf:a/\u212a",
        "\u017ftarter",
        "file:/etc/passwd",
        "http://h/x.gguf",
        "C:/x",
    ],
)
def test_names_that_are_none(name: str) -> None:
    assert not valid_name(name)


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("starter", "starter"),
        ("deepseek-r1:7b-q8_0", "deepseek-r1@7b-q8_0"),
        ("A.b_c-1", "a.b_c-1"),
        ("x" * 200, "x" * 200),
        ("hf:unsloth/X-GGUF:UD-Q4_K_XL", "hf@unsloth+x-gguf@ud-q4_k_xl"),
        ("hf:o/r:sub/m+n-Q4.gguf", "hf@o+r@sub+m%2bn-q4.gguf"),
        ("ms:Qwen/Qwen3-8B-GGUF", "ms@qwen+qwen3-8b-gguf"),
        ("ollama:deepseek-r1:7b", "ollama@deepseek-r1@7b"),
        ("ollama:me/mine:latest", "ollama@me+mine@latest"),
        ("nul", "%6eul"),
        ("Con.7b", "%63on.7b"),
        ("com1:7b", "com1@7b"),
        ("a.", "a%2e"),
    ],
)
def test_names_that_are(name: str, encoded: str, store: Store) -> None:
    assert valid_name(name) and file_name(name) == encoded and plain_file_name(f"{encoded}.json")
    keep(store, name)
    store.touch_used(name)
    assert [(model.name, model.last_used) for model in store.all()] == [(name, THEN)] and store.get(name.upper())
