"""Deleting from the store: what goes, what stays because another needs it, and what nobody may touch."""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeroom.errors import StoreFailure, UnknownModel
from homeroom.models.disk import Lock
from homeroom.models.store import Store
from homeroom.models.store.cleaning import Pruned, Removed
from support.stores import assert_whole, blob, digest, keep, keep_split


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "models")
    store.prepare()
    return store


def files(store: Store, *folders: str) -> list[str]:
    """Every file of *folders*, by default of the whole store."""
    tops = [store.folder / folder for folder in folders] or [store.folder]
    return sorted(str(path.relative_to(store.folder)) for top in tops for path in top.rglob("*") if path.is_file())


def kinds(pruned: Pruned) -> list[tuple[str, str]]:
    return sorted((item.kind, item.path.name) for item in pruned.items)


# ---- remove


def test_a_model_leaves_nothing(store: Store) -> None:
    model = keep(store, "starter", b"weights")
    store.touch_used("starter")
    store.pieces(digest(b"weights")).write_text("{}")
    store.mark(digest(b"weights"), damaged=True)
    assert store.remove("STARTER") == Removed("starter", freed=7, kept_shared=0)
    assert files(store) == [] and not model.path.exists() and store.get("starter") is None


def test_a_split_model_leaves_nothing(store: Store) -> None:
    model = keep_split(store)
    assert store.remove("big") == Removed("big", freed=model.bytes, kept_shared=0)
    assert files(store) == [] and not list((store.folder / "split").iterdir())


def test_what_another_model_needs_stays(store: Store) -> None:
    licence = blob(store, b"MIT", "license", "license")
    store.put("one", [blob(store, b"weights"), licence], source="x")
    store.put("two", [blob(store, b"other weights"), licence], source="x")
    assert store.remove("one") == Removed("one", freed=7, kept_shared=3)
    assert assert_whole(store) == {"two"}
    assert store.remove("two") == Removed("two", freed=16, kept_shared=0)
    assert files(store) == []


def test_the_same_split_model_under_two_names(store: Store) -> None:
    size = keep_split(store, "one").bytes
    keep_split(store, "two")
    assert store.remove("one") == Removed("one", freed=0, kept_shared=size)
    assert assert_whole(store) == {"two"}


@pytest.mark.parametrize("name", ["nobody", "hf:o/r:Q4", "starter:7b"])
def test_a_model_that_is_not_there(store: Store, name: str) -> None:
    keep(store, "starter", b"weights")
    with pytest.raises(UnknownModel):
        store.remove(name)
    assert assert_whole(store) == {"starter"}


@pytest.mark.parametrize("name", ["..", "../starter", "a/../../b", "/etc/passwd", "", "hf:../../x"])
def test_no_name_deletes_outside_the_store(store: Store, name: str) -> None:
    with pytest.raises(StoreFailure, match="cannot be the name"):
        store.remove(name)


def test_a_hostile_manifest_deletes_nothing_but_itself(store: Store, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    keep(store, "starter", b"weights")
    facts = json.loads(store.manifest("starter").read_text())
    evil = {"role": "model", "name": "../../victim", "sha256": "../../../victim", "bytes": 8}
    store.manifest("evil").write_text(json.dumps(facts | {"name": "evil", "files": [evil]}))
    assert store.remove("evil") == Removed("evil", 0, 0)
    assert victim.read_text() == "precious" and assert_whole(store) == {"starter"}


@pytest.mark.parametrize("harm", ["not JSON", "a later format", "its file is gone"])
def test_a_broken_model_can_be_deleted(store: Store, harm: str) -> None:
    model = keep(store, "starter", b"weights")
    path = store.manifest("starter")
    if harm == "not JSON":
        path.write_bytes(path.read_bytes()[:-3])
    elif harm == "a later format":
        path.write_text(path.read_text().replace('"format": 2', '"format": 3'))
    else:
        model.path.unlink()
    assert [broken.name for broken in store.all().broken] == ["starter"]
    store.remove("starter")
    assert files(store) == []


def test_what_a_broken_manifest_names_stays(store: Store) -> None:
    keep(store, "one", b"weights")
    keep(store, "two", b"weights")
    path = store.manifest("two")
    path.write_text(path.read_text().replace('"format": 2', '"format": 3'))
    assert store.remove("one") == Removed("one", freed=0, kept_shared=7)
    assert store.prune().items == ()
    path.write_text(path.read_text().replace('"format": 3', '"format": 2'))
    assert assert_whole(store) == {"two"}


def test_nothing_is_deleted_while_nobody_knows_what_a_manifest_needs(store: Store) -> None:
    keep(store, "one", b"weights")
    store.manifest("huge").write_bytes(b" " * (1 << 20) + b'"' + digest(b"weights").encode() + b'"')
    for delete in (store.prune, lambda: store.remove("one")):
        with pytest.raises(StoreFailure, match="nobody knows") as told:
            delete()
        assert "huge.json" in told.value.message and told.value.next
    assert assert_whole_but(store, "huge") == {"one"}
    store.remove("huge")
    assert assert_whole(store) == {"one"}


def assert_whole_but(store: Store, name: str) -> set[str]:
    listing = store.all()
    assert [broken.name for broken in listing.broken] == [name]
    return {model.name for model in listing}


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a file that is mapped")
def test_a_model_that_an_engine_has_mapped_goes_on_working(store: Store) -> None:
    model = keep(store, "starter", b"weights" * 10_000)
    with model.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        store.remove("starter")
        assert not model.path.exists() and mapped[-7:] == b"weights"


def test_a_system_that_keeps_what_is_mapped_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Windows answers; the model is gone from the list, and its bytes go when nobody has it open."""
    model = keep(store, "starter", b"weights")
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == model.path:
            raise PermissionError(13, "The process cannot access the file because it is being used by another process")
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(StoreFailure, match="in use") as told:
            store.remove("starter")
        assert "homeroom stop" in str(told.value.next) and "homeroom prune" in str(told.value.next)
        assert store.prune().items == () and model.path.exists()
    assert assert_whole(store) == set()
    assert kinds(store.prune()) == [("blob", model.path.name)] and files(store) == []


def test_removing_works_on_a_disk_without_room_for_a_lock(tmp_path: Path) -> None:
    """Real: a file system that has run out of files, on which not even an empty one can be made."""
    code = (
        "import errno, sys; from pathlib import Path; from homeroom.models.store import Store\n"
        "from support.stores import keep, keep_split, assert_whole\n"
        "store = Store(Path(sys.argv[1], 'models')); keep(store, 'one', b'1'); keep_split(store)\n"
        "n = 0\n"
        "while True:\n"
        "    try: Path(sys.argv[1], f'filler{n}').touch(); n += 1\n"
        "    except OSError as full: assert full.errno == errno.ENOSPC; break\n"
        "print(store.remove('one').freed, assert_whole(store), store.prune().items)\n"
    )
    mount = 'mount -t tmpfs -o size=2m,nr_inodes=60 tmpfs "$1" && exec "$2" -c "$3" "$1"'
    run = ["unshare", "-rm", "sh", "-c", mount, "sh", str(tmp_path), sys.executable, code]
    if sys.platform != "linux" or subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("nobody may mount here")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(run, capture_output=True, text=True, env=environment, timeout=60)
    assert (done.stdout, done.stderr) == ("1 {'big'} ()\n", "")


# ---- prune


def test_prune_deletes_what_no_model_needs_and_nothing_else(store: Store) -> None:
    keep(store, "starter", b"weights")
    store.touch_used("starter")
    store.pieces(digest(b"weights")).write_text("{}")
    gone = keep_split(store, "gone")
    store.touch_used("gone")
    store.pieces(digest(b"x")).write_text("{}")
    store.manifest("gone").unlink()
    part = store.partial / f"{digest(b'y')}.part"
    with part.open("wb") as sparse:
        sparse.write(b"y" * 8192)
        sparse.truncate(1 << 30)
    (store.partial / f"{digest(b'y')}.json").write_text("{}")
    (store.partial / "manifest.123.tmp").write_text("{")
    for mine in ("partial/notes.txt", "blobs/README", "split/README", "README"):
        (store.folder / mine).write_text("a person put this here")
    told = store.prune(dry_run=True, everything=True)
    assert kinds(told) == sorted(
        [
            *(("blob", store.blob(file.sha256).name) for file in gone.files),
            ("part", f"{digest(b'y')}.part"),
            ("part", f"{digest(b'y')}.json"),
            ("part", "manifest.123.tmp"),
            ("links", gone.path.parent.name),
            ("note", "gone"),
            ("note", digest(b"x")),
        ]
    )
    assert gone.bytes + 8192 <= told.bytes < gone.bytes + 20_000, "a hole takes no room; neither does a second name"
    assert gone.path.exists() and part.exists(), "a dry run deletes nothing"
    assert store.prune(everything=True) == told
    assert assert_whole(store) == {"starter"} and store.prune().items == ()
    assert files(store, "partial", "split", "used", "pieces") == [
        "partial/notes.txt",
        f"pieces/{digest(b'weights')}",
        "split/README",
        "used/starter",
    ]


def test_links_that_are_all_that_is_left_of_a_file_count(store: Store) -> None:
    model = keep_split(store)
    store.manifest("big").unlink()
    for file in model.files:
        store.blob(file.sha256).unlink()
    assert store.prune().bytes == model.bytes and files(store) == []


def test_prune_leaves_a_download_of_today_and_says_how_much_it_is(tmp_path: Path) -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    store = Store(tmp_path / "models", clock=lambda: now)
    store.prepare()
    ages = {"today": 23.9, "yesterday": 24.1}
    for name, hours in ages.items():
        for suffix, more in ((".part", 0.0), (".journal", 100.0)):  # one file that is young keeps the other
            path = store.partial / (digest(name.encode()) + suffix)
            path.write_bytes(name.encode())
            changed = (now - timedelta(hours=hours + more)).timestamp()
            os.utime(path, (changed, changed))
    (store.partial / "manifest.123.tmp").write_text("{")
    told = store.prune(dry_run=True)
    old = digest(b"yesterday")
    assert sorted(item.path.name for item in told.items) == sorted(
        [f"{old}.part", f"{old}.journal", "manifest.123.tmp"]
    )
    assert told.left == 10 and store.prune() == told
    left = [f"partial/{digest(b'today')}.journal", f"partial/{digest(b'today')}.part"]
    assert files(store) == left and store.prune() == Pruned((), busy=False, left=10)
    assert len(store.prune(everything=True).items) == 2 and files(store) == []


def test_prune_in_an_empty_home_creates_nothing(tmp_path: Path) -> None:
    assert Store(tmp_path / "models").prune() == Pruned((), busy=False)
    assert not list(tmp_path.iterdir())


# ---- while others are at work


async def test_prune_leaves_what_a_pull_may_need(store: Store) -> None:
    here, coming = blob(store, b"first shard"), digest(b"second shard")
    part = store.partial / f"{coming}.part"
    part.write_bytes(b"second")
    (store.partial / "manifest.123.tmp").write_text("{")
    async with Lock(store.lock(coming), sleep=asyncio.sleep):
        for dry_run in (True, False):
            assert store.prune(dry_run=dry_run) == Pruned((), busy=True)
        assert part.exists() and store.blob(here.sha256).exists()
    assert len(store.prune(everything=True).items) == 3


async def test_remove_leaves_the_file_that_a_pull_has_found_here(store: Store) -> None:
    keep(store, "old", b"weights")
    async with Lock(store.lock(digest(b"weights")), sleep=asyncio.sleep):
        assert store.remove("old") == Removed("old", freed=0, kept_shared=7)
        store.put("new", [blob(store, b"weights")], source="x")
    assert assert_whole(store) == {"new"} and store.prune().items == ()


@pytest.mark.parametrize(("note", "kept"), [("weights", 7), ("else", 0), ("", 7)])
async def test_remove_leaves_what_a_pull_says_that_it_needs(store: Store, note: str, kept: int) -> None:
    """A pull of several files has let go of the first one's lock when it fetches the second. One that says nothing may
    need anything."""
    keep(store, "old", b"weights")
    said = f"{digest(b'coming')} {digest(note.encode())}".encode() if note else b""
    async with Lock(store.partial / "pull-1-a.lock", sleep=asyncio.sleep, note=said):
        assert store.remove("old") == Removed("old", freed=7 - kept, kept_shared=kept)
        assert store.prune() == Pruned((), busy=True)
    assert store.prune().bytes == kept and files(store) == []


HOLDER = """
import sys, time
from pathlib import Path
from homeroom.models.disk import Lock
assert Lock(Path(sys.argv[1])).take()
print("held", flush=True)
time.sleep(60)
"""


def test_a_pull_that_was_killed_holds_nothing(store: Store) -> None:
    lock = store.lock(digest(b"x"))
    part = lock.with_suffix(".part")
    part.write_bytes(b"x")
    with subprocess.Popen([sys.executable, "-c", HOLDER, lock], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        assert store.prune() == Pruned((), busy=True)
        holder.kill()
    assert kinds(store.prune(everything=True)) == [("part", part.name)] and files(store) == []


def test_two_at_once_delete_each_thing_once(store: Store) -> None:
    for round_ in range(20):
        names = [f"m{n}" for n in range(4)]
        for name in names:
            store.put(name, [blob(store, name.encode()), blob(store, b"shared", "l", "license")], source="x")
        keep(store, "stays", b"other")

        def remove(name: str) -> int:
            try:
                return Store(store.folder).remove(name).freed
            except UnknownModel:
                return 0

        with ThreadPoolExecutor(8) as pool:
            freed = list(pool.map(remove, names * 2))
            pruned = [done.result() for done in [pool.submit(Store(store.folder).prune) for _ in range(4)]]
        assert sum(freed) + sum(one.bytes for one in pruned) == 4 * 2 + 6, round_
        assert assert_whole(store) == {"stays"}
    assert len(files(store)) == 2


def test_names_come_and_go_at_once_and_the_store_stays_whole(store: Store) -> None:
    """Putters hold the file's lock, as a pull does; removers and a pruner are in their way."""
    keep(store, "stays", b"shared")

    def put(name: str) -> None:
        for _ in range(15):
            lock = Lock(store.lock(digest(b"shared")))
            while not lock.take():
                pass
            try:
                Store(store.folder).put(name, [blob(store, b"shared")], source="x")
            finally:
                lock.release()

    def remove(name: str) -> None:
        for _ in range(15):
            try:
                Store(store.folder).remove(name)
            except UnknownModel:
                continue

    def prune() -> None:
        for _ in range(15):
            Store(store.folder).prune()

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(job, name) for job in (put, remove) for name in ("a", "b")]
        jobs.append(pool.submit(prune))
        for job in jobs:
            job.result()
    assert "stays" in assert_whole(store)
