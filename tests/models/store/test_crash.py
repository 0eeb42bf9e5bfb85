"""The store after SIGKILL, after a power cut, on a full disk: at whatever point, ``verify`` calls it whole."""

from __future__ import annotations

import errno
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from homeroom.errors import DiskFull, HomeroomError, StoreFailure
from homeroom.models.store import Store, StoredFile
from support.disks import small_disk
from support.power import Recording, copy, observed, replay
from support.stores import SHARDS, assert_whole, blob, digest, keep, keep_split

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

KILLS = 100


def old_store(folder: Path) -> Store:
    """Models of one file and of several, two that share, and what a prune is for."""
    store = Store(folder)
    licence = blob(store, b"MIT", "license", "license")
    store.put("one", [blob(store, b"weights"), licence], source="x")
    store.put("two", [blob(store, b"other weights"), licence], source="x")
    keep_split(store, "big")
    store.touch_used("one")
    blob(store, b"no model's")
    (store.partial / f"{digest(b'part')}.part").write_bytes(b"part")
    gone = keep_split(store, "gone", [f"Gone-0000{n}-of-00002.gguf" for n in (1, 2)])
    store.manifest(gone.name).unlink()
    store.touch_used("two")
    (store.folder / "used" / "gone").touch()
    # Downloads that have come and wait for their name.
    for content in (b"new", b"newer", *(f"x-0000{n}-of-00003.gguf".encode() for n in (1, 2, 3))):
        blob(store, content)
    return store


def put(store: Store, name: str, *contents: bytes) -> None:
    """Name files that are there already: one, or shards that hold their own names."""
    names = [content.decode() if len(contents) > 1 else "m.gguf" for content in contents]
    files = [
        StoredFile("model", part, digest(content), len(content)) for content, part in zip(contents, names, strict=True)
    ]
    store.put(name, files, source="x")


def prune_after_kill(store: Store) -> None:
    """The remover has deleted the manifest and then died, before that was for certain."""
    store.manifest("one").unlink(missing_ok=True)
    store.prune()


def all_of_it(store: Store) -> None:
    put(store, "new", *NEW_SHARDS)
    store.remove("big")
    store.prune()


NEW_SHARDS = tuple(f"x-0000{n}-of-00003.gguf".encode() for n in (1, 2, 3))
OLD = {"one", "two", "big"}
ACTS: dict[str, tuple[Callable[[Store], object], set[str], set[str], set[str]]] = {
    # what is done; the names that are there whatever happens; once it is done; and those that are not any more
    "put": (lambda store: put(store, "new", b"new"), OLD, {"new"}, set()),
    "put split": (lambda store: put(store, "new", *NEW_SHARDS), OLD, {"new"}, set()),
    "put again": (lambda store: put(store, "one", b"newer"), OLD, OLD, set()),
    "put split again": (lambda store: put(store, "big", *NEW_SHARDS), OLD, OLD, set()),
    "put the same again": (lambda store: put(store, "big", *(part.encode() for part in SHARDS)), OLD, OLD, set()),
    "remove": (lambda store: store.remove("one"), {"two", "big"}, set(), {"one"}),
    "remove split": (lambda store: store.remove("big"), {"one", "two"}, set(), {"big"}),
    "prune": (lambda store: store.prune(), OLD, OLD, set()),
    "prune after a remove that was killed": (prune_after_kill, {"two", "big"}, set(), {"one"}),
    "all of it": (all_of_it, {"one", "two"}, {"new"}, {"big"}),
}


@pytest.mark.parametrize("name", ACTS)
def test_a_power_cut_at_any_point_leaves_a_whole_store(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each change, with each set of the changes that were not yet flushed lost."""
    act, always, then, gone = ACTS[name]
    monkeypatch.setattr(os, "fsync", lambda _: None)  # the disk that is played here is never cut off
    before = old_store(tmp_path / "before").folder
    copy(before, tmp_path / "played" / "models")
    recording = Recording(tmp_path / "played" / "models")
    with observed(recording):
        act(Store(recording.root))
    assert any(change.event == "fsync" for change in recording.changes)
    for number, (end, kept) in enumerate(recording.cuts(seed=1)):
        root = tmp_path / f"cut{number}"
        copy(before, root)
        replay(kept, root)
        names = assert_whole(Store(root))
        assert always <= names, (end, kept)
        if end == len(recording.changes):
            assert then <= names and not gone & names, "what is done stays done"
        Store(root).prune()
        assert assert_whole(Store(root)) == names
    assert number >= len(recording.changes)


class Refusing:
    """A disk that refuses change number *number* under *root*, and takes all others."""

    def __init__(self, root: Path, number: int, code: int) -> None:
        self.root, self.left, self.code = root, number, code

    def __call__(self, _: str, paths: tuple[Path, ...], __: bytes) -> None:
        if paths[-1].is_relative_to(self.root):
            self.left -= 1
            if self.left == -1:
                raise OSError(self.code, os.strerror(self.code), str(paths[-1]))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("name", [name for name in ACTS if "killed" not in name])
def test_a_disk_that_refuses_any_one_change_is_told_and_leaves_a_whole_store(
    name: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full, or failing, for one change: an error of ours or none, the store whole, and the same again goes through."""
    act, always, then, gone = ACTS[name]
    monkeypatch.setattr(os, "fsync", lambda _: None)
    before, told = old_store(tmp_path / "before").folder, 0
    for number in itertools.count():
        disk = Refusing(tmp_path / f"refused{number}" / "models", number, code)
        copy(before, disk.root)
        store = Store(disk.root)
        with observed(disk):
            try:
                act(store)
            except HomeroomError as error:
                assert isinstance(error, DiskFull if code == errno.ENOSPC else StoreFailure) and error.next
                told += 1
        assert always <= assert_whole(store)
        if disk.left >= 0:  # there are no more changes to refuse
            break
        if not name.startswith(("remove", "all")) or gone & assert_whole(store):
            act(store)
        names = assert_whole(store)
        assert then <= names and not gone & names
    assert number > 3 and (told or name == "prune")


# ---- killed


WORKER = """
import itertools, random, sys
from pathlib import Path
from homeroom.errors import UnknownModel
from homeroom.models.disk import Lock
from homeroom.models.store import Store, StoredFile
from support.stores import SHARDS, blob, digest

store = Store(Path(sys.argv[1]))
choose = random.Random(int(sys.argv[2]))
print("ready", flush=True)
for number in itertools.count():
    name = choose.choice(["a", "hf:o/r:Q4_K_M", "big"])
    what = choose.random()
    if what < 0.5:
        contents = [part.encode() for part in SHARDS] if name == "big" else [b"%d" % choose.randrange(6), b"shared"]
        names = SHARDS if name == "big" else ("m.gguf", "license")
        locks = [Lock(store.lock(digest(content))) for content in sorted(set(contents))]
        while not all([lock.take() for lock in locks]): pass
        files = []
        for content, part in zip(contents, names):
            if not store.holds(digest(content), len(content)):  # a pull fetches nothing that is here
                path = store.partial / f"{digest(content)}.part"
                path.write_bytes(content)
                path.replace(store.blob(digest(content)))
            files.append(StoredFile("license" if part == "license" else "model", part, digest(content), len(content)))
        store.put(name, files, source="x")
        store.touch_used(name)
        for lock in locks: lock.release()
    elif what < 0.85:
        try: store.remove(name)
        except UnknownModel: pass
    else:
        store.prune()
"""


def test_killed_at_any_moment_the_store_is_whole(tmp_path: Path) -> None:
    """SIGKILL, a hundred times, in the middle of puts, removes and prunes; two processes are at it at once."""
    store, choose = Store(tmp_path / "models"), random.Random(4)
    keep(store, "stays", b"stays")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    seen: set[str] = set()
    for number in range(KILLS // 2):
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, str(store.folder), str(2 * number + one)],
                stdout=subprocess.PIPE,
                env=environment,
            )
            for one in (0, 1)
        ]
        for worker in workers:
            assert worker.stdout is not None and worker.stdout.readline() == b"ready\n"
        time.sleep(choose.uniform(0.0, 0.08))
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
        for worker in workers:
            assert worker.wait() == -signal.SIGKILL and worker.stdout is not None
            worker.stdout.close()
        names = assert_whole(store)
        assert "stays" in names
        seen |= names
    assert seen == {"stays", "a", "hf:o/r:Q4_K_M", "big"}
    store.prune()
    assert store.prune().items == () and assert_whole(store) == names
    needed = {file.sha256 for model in store.all() for file in model.files}
    assert {path.name for path in (store.folder / "blobs").iterdir()} == {f"sha256-{one}" for one in needed}
    assert not list(store.partial.iterdir())


# ---- full


FILLER = """
import sys
from pathlib import Path
from homeroom.errors import DiskFull
from homeroom.models.store import Store, StoredFile
from support.stores import SHARDS, assert_whole, blob, keep, keep_split

store = Store(Path(sys.argv[1], "models"))
keep(store, "old", b"old" * 10_000)
files = [blob(store, part.encode() * 1000, part) for part in SHARDS]
note = "long " * 20_000
with Path(sys.argv[1], "other").open("wb", buffering=0) as other:
    try:
        while other.write(bytes(4096)): pass
    except OSError: pass
for name in ("new", "old"):
    try:
        store.put(name, files, source="x", note=note)
    except DiskFull as full:
        print(full.key, "HOMEROOM_HOME" in full.next, sorted(assert_whole(store)))
print(store.remove("old").freed)
store.put("new", files, source="x")
print(sorted(assert_whole(store)), [path.name for path in store.partial.iterdir()])
"""


def test_a_full_disk_at_put_names_nothing_and_loses_nothing(tmp_path: Path) -> None:
    """Real: a file system of 2 MB. What was there stays; after an ``rm`` there is room again."""
    under = small_disk(tmp_path / "disk", 2)
    if under is None:
        pytest.skip("nobody may mount here")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    run = [*under, sys.executable, "-c", FILLER, str(tmp_path / "disk")]
    done = subprocess.run(run, capture_output=True, text=True, env=environment, timeout=60)
    full = "models.disk_full True ['old']\n"
    assert (done.stdout, done.stderr) == (f"{full}{full}30000\n['new'] []\n", "")
