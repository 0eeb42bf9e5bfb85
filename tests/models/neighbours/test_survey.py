"""All stores side by side: each file once, each name once, and nothing that leads out of them."""

from __future__ import annotations

import hashlib
import stat
import time
from pathlib import Path

import pytest

from homeroom.models import neighbours as package
from homeroom.models.library import Library
from homeroom.models.neighbours import STORES, TITLES, Survey, survey
from homeroom.models.store import StoredFile
from homeroom.settings import STORES as NAMES
from homeroom.settings import Settings, load
from support import neighbours
from support.gguf_writer import with_metadata


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "user").mkdir()
    return tmp_path / "user"


def settings(home: Path, **more: str) -> Settings:
    return load({}, {"HOMEROOM_HOME": str(home / "homeroom"), **more})


def look(home: Path, **more: str) -> Survey:
    return survey(settings(home, **more), neighbours.environment(home))


def names(found: Survey) -> list[str]:
    return [one.name for one in found.models]


def put(store: str, home: Path, gguf: Path) -> Path:
    """*gguf* as a model in *store*; the path that is the model's."""
    if store == "ollama":
        neighbours.ollama(home / ".ollama" / "models", "m:1", gguf)
        return home / ".ollama" / "models" / "blobs" / f"sha256-{neighbours.digest(gguf)}"
    if store == "lmstudio":
        return neighbours.lmstudio(home, "p/r", "m-Q8_0.gguf", gguf)
    if store == "huggingface":
        return neighbours.huggingface(home / ".cache/huggingface/hub", "o/r", "m-Q4_0.gguf", gguf)
    if store == "llama.cpp":
        return neighbours.llama_cpp(home / ".cache/llama.cpp", "l/r", "m-Q4_0.gguf", gguf)
    return neighbours.modelscope(home / ".cache/modelscope", "s/r", "m-Q4_0.gguf", gguf)


def in_each(home: Path, gguf: Path) -> None:
    """One model in each store, each a file of its own."""
    for store in STORES:
        own = gguf.with_name(f"own-{store}.gguf")
        own.write_bytes(gguf.read_bytes())
        put(store, home, own)


EACH = ["ollama:m:1", "lmstudio:p/r:Q8_0", "hf:o/r:Q4_0", "llama.cpp:l/r:Q4_0", "ms:s/r:Q4_0"]


def test_every_store_that_the_setting_names(home: Path, gguf: Path) -> None:
    in_each(home, gguf)
    assert names(look(home)) == EACH
    assert names(look(home, HOMEROOM_STORES="modelscope,ollama")) == ["ollama:m:1", "ms:s/r:Q4_0"]
    assert names(look(home, HOMEROOM_STORES="none")) == []
    assert package.neighbours(settings(home), neighbours.environment(home)) == list(look(home).models)
    assert tuple(STORES) == tuple(TITLES) == NAMES


def test_nothing_of_them_is_written(home: Path, gguf: Path) -> None:
    in_each(home, gguf)

    def all_of_it() -> list[tuple[str, int, int, int]]:
        found = sorted(home.rglob("*"))
        return [(str(path), (status := path.lstat()).st_mode, status.st_size, status.st_mtime_ns) for path in found]

    before = all_of_it()
    folders = [path for path in (home, *home.rglob("*")) if path.is_dir() and not path.is_symlink()]
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert names(look(home)) == EACH
        Library(settings(home), neighbours.environment(home)).all()
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert [one[::2] for one in all_of_it()] == [one[::2] for one in before]


def test_a_file_that_two_stores_reach_counts_once_and_answers_to_both_names(home: Path, gguf: Path) -> None:
    neighbours.ollama(home / ".ollama" / "models", "m:1", gguf, layers={"params": '{"stop": ["x"]}'})
    link = home / ".lmstudio" / "models" / "p" / "r" / "m-Q4_0.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(home / ".ollama" / "models" / "blobs" / f"sha256-{neighbours.digest(gguf)}")
    (one,) = look(home).models
    assert one.name == "ollama:m:1" and {"lmstudio:p/r:q4_0", "p/r"} <= one.aliases


def test_one_file_under_two_modelfiles_is_two_models(home: Path, gguf: Path) -> None:
    folder = home / ".ollama" / "models"
    neighbours.ollama(folder, "plain:1", gguf)
    neighbours.ollama(folder, "same:1", gguf)
    neighbours.ollama(folder, "mario:1", gguf, layers={"system": "You are Mario."})
    neighbours.lmstudio(home, "p/r", "m-Q4_0.gguf", folder / "blobs" / f"sha256-{neighbours.digest(gguf)}")
    found = look(home)
    assert names(found) == ["ollama:mario:1", "ollama:plain:1"]
    assert {"ollama:same:1", "lmstudio:p/r:q4_0"} <= found.models[1].aliases, "Mario does not speak for LM Studio"


@pytest.mark.parametrize("store", STORES)
def test_a_link_that_leads_out_of_the_stores_is_told_and_not_followed(home: Path, gguf: Path, store: str) -> None:
    path = put(store, home, gguf)
    path.unlink()
    path.symlink_to(gguf)
    found = look(home)
    assert found.models == () and [error.key for error in found.broken] == ["neighbours.leads_out"]
    assert names(look(home, HOMEROOM_MODEL_FOLDERS=str(gguf.parent))) != [], "unless the user has named that folder"


def test_a_folder_of_the_user_s_is_followed_wherever_it_leads(home: Path, gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "linked.gguf").symlink_to(gguf)
    found = look(home, HOMEROOM_MODEL_FOLDERS=str(tmp_path / "mine"))
    assert [(one.name, one.keeper) for one in found.models] == [("linked", "folder")]


def test_circles_of_links_and_unreadable_folders_are_passed_over(home: Path, gguf: Path) -> None:
    neighbours.lmstudio(home, "p/r", "m-Q8_0.gguf", gguf)
    circle = home / ".lmstudio" / "models" / "p" / "r" / "x.gguf"
    circle.symlink_to(circle)
    (home / ".lmstudio" / "models" / "loop").symlink_to(home / ".lmstudio" / "models")
    (home / ".ollama" / "models").mkdir(parents=True)
    (home / ".ollama" / "models" / "manifests").write_text("no folder")
    assert names(look(home)) == ["lmstudio:p/r:Q8_0"], "by whatever way one comes"


def test_two_hundred_models_are_found_at_once_and_read_once(
    home: Path, starter_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = with_metadata(starter_path, tmp_path / "small.gguf", {})
    for number in range(100):
        own = neighbours.place(
            small, home / ".lmstudio/models" / f"p{number % 10}" / f"r{number}" / f"m{number}-Q4_1.gguf"
        )
        assert own.exists()
    copies = home / ".cache/modelscope/models"
    for number in range(100):
        folder = copies / f"o--r{number}" / "snapshots" / "master"
        folder.mkdir(parents=True)
        (folder / "m-Q4_1.gguf").write_bytes(b"GGUF" + number.to_bytes(4, "little"))
    begun = time.monotonic()
    found = look(home)
    assert len(found.models) == 101 and time.monotonic() - begun < 1.0

    def never(*_: object) -> None:
        raise AssertionError("a model was opened")

    monkeypatch.setattr("homeroom.models.library.inspect", never)
    assert len(Library(settings(home), neighbours.environment(home)).known()) == 101


def test_a_model_is_read_once_as_long_as_its_file_stays_as_it_is(home: Path, starter_path: Path) -> None:
    neighbours.ollama(home / ".ollama" / "models", "m:1", starter_path)
    library = Library(settings(home), neighbours.environment(home))
    (first,), _ = library.all()
    (second,), _ = library.all()
    assert first is second and library.find("m:1") is first
    neighbours.ollama(home / ".ollama" / "models", "m:1", starter_path, layers={"system": "Changed."})
    (third,), _ = library.all()
    assert third.modelfile is not None and third.layers is first.layers


def test_what_homeroom_pulled_from_ollama_s_registry_has_its_modelfile_too(home: Path, starter_path: Path) -> None:
    library = Library(settings(home, HOMEROOM_STORES="none"), neighbours.environment(home))
    store = library.store
    store.prepare()
    files = [StoredFile("model", "m.gguf", neighbours.digest(starter_path), starter_path.stat().st_size)]
    neighbours.place(starter_path, store.blob(files[0].sha256))
    said = hashlib.sha256(b"You are Mario.").hexdigest()
    store.blob(said).write_bytes(b"You are Mario.")
    store.put("ollama:mario:1", [*files, StoredFile("system", "system", said, 14)], source="ollama:mario:1")
    found = library.find("ollama:mario:1")
    assert found.keeper == "homeroom" and found.modelfile is not None and found.modelfile.system == "You are Mario."
    assert library.all()[0] == [found]


def test_a_name_that_could_do_something_to_a_terminal_is_passed_over(home: Path, gguf: Path) -> None:
    neighbours.lmstudio(home, "p/\x1b[2Jr", "m-Q8_0.gguf", gguf)
    assert look(home) == Survey()


def test_no_folder_is_searched_for_ever(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        folder = home / ".lmstudio" / "models" / "p" / "r" / str(number)
        folder.mkdir(parents=True)
        (folder / "m.gguf").write_bytes(b"%d" % number)
    assert len(look(home).models) == 9
    monkeypatch.setattr("homeroom.models.folders.MOST_FOLDERS", 4)
    assert len(look(home).models) == 3


def test_when_another_program_s_model_was_used_is_noted_in_homeroom_s_own_folder(
    home: Path, starter_path: Path
) -> None:
    neighbours.lmstudio(home, "p/r", "m-Q4_1.gguf", starter_path)
    library = Library(settings(home), neighbours.environment(home))
    facts = library.find("p/r", use=True)
    assert library.last_used(facts) is None, "there is no home to note it in"
    library.store.folder.parent.mkdir(parents=True)
    facts = library.find("p/r", use=True)
    used = library.last_used(facts)
    assert used is not None and abs(used.timestamp() - time.time()) < 60
    assert library.last_used(library.find(str(starter_path), use=True)) is None, "a path is no name"
