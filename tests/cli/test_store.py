"""``rm``, ``prune`` and ``verify``: their forms side by side, what they ask, and what they leave alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from homeroom.cli.stored import whose
from homeroom.models.neighbours import Keeper, Neighbour
from homeroom.models.store import Store, StoredFile
from support.commands import HOMEROOM, MakeHome, Terminal, cli, end, environment, start
from support.stores import assert_whole, blob, digest, keep, keep_split, split_file

WEIGHTS = b"weights" * 1000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with three models that no engine would load; ``verify`` and ``rm`` do not care."""
    store = Store(tmp_path / "models")
    keep(store, "starter", WEIGHTS)
    keep(store, "hf:Org/Repo-GGUF:Q4_K_M", WEIGHTS)
    keep_split(store)
    return tmp_path


def stored(home: Path) -> Store:
    return Store(home / "models")


def damage(home: Path) -> Path:
    path = stored(home).blob(digest(WEIGHTS))
    path.write_bytes(WEIGHTS[:-1] + b"!")
    return path


# ---- rm


def test_rm_in_its_three_forms(home: Path) -> None:
    people, data, quiet = (
        cli(home, "rm", "big"),
        cli(home, "rm", "STARTER:latest", "--json"),
        cli(home, "rm", "hf:org/repo-gguf:q4_k_m", "-q"),
    )
    assert (people.out, people.err) == ("Deleted big: 90 B are free again.\n", "")
    removed = [{"name": "starter", "freed": 0, "kept_shared": 7000}]
    assert data.json == {"removed": removed, "freed": 0, "still_loaded": []}
    assert (quiet.out, quiet.err) == ("hf:Org/Repo-GGUF:Q4_K_M\n", "")
    assert (people.code, data.code, quiet.code) == (0, 0, 0)
    assert assert_whole(stored(home)) == set() and not list((home / "models" / "blobs").iterdir())


def test_rm_tells_what_stays_because_another_needs_it(home: Path) -> None:
    assert "0 B are free again; 7.0 kB stay" in cli(home, "rm", "starter").out
    assert "释放了 7.0 kB" in cli(home, "rm", "hf:Org/Repo-GGUF:Q4_K_M", "--lang", "zh").out


def test_rm_of_several_deletes_all_or_none(home: Path) -> None:
    told = cli(home, "rm", "starter", "bug")
    assert (told.code, told.out) == (2, "") and "Did you mean: big" in told.err and "homeroom list" in told.err
    assert len(assert_whole(stored(home))) == 3
    assert cli(home, "rm", "starter", "big", "starter", "hf:org/repo-gguf:q4_k_m").out.count("Deleted") == 3
    assert assert_whole(stored(home)) == set()


def test_rm_asks_on_a_terminal(home: Path) -> None:
    for answer, code, left in (("n", 1, 3), ("y", 0, 2)):
        with Terminal(home, "rm", "big") as terminal:
            terminal.expect(r"Delete big \(90 B\)\? \[y/N\] ")
            terminal.send(f"{answer}\n")
            terminal.expect("Nothing was deleted" if code else "Deleted big")
            assert terminal.ended() == code
        assert len(assert_whole(stored(home))) == left
    with Terminal(home, "rm", "starter", "--yes") as terminal:
        assert "?" not in terminal.expect("Deleted starter")


def test_rm_of_a_broken_model(home: Path) -> None:
    stored(home).manifest("starter").write_text("{")
    entry = str(stored(home).manifest("starter"))
    assert entry in cli(home, "list").err
    assert cli(home, "rm", "starter").code == 0
    assert entry not in cli(home, "list").err


def test_rm_by_other_words_for_it(home: Path) -> None:
    """By the reference without its choice, which says which where only one is here."""
    assert cli(home, "rm", "hf:Org/Repo-GGUF", "-q").out == "hf:Org/Repo-GGUF:Q4_K_M\n"


@pytest.mark.parametrize("name", ["../starter", "..", "/etc/passwd", "models/manifests/starter.json", "a\nb"])
def test_rm_of_a_path_that_is_no_name(home: Path, name: str) -> None:
    told = cli(home, "rm", name, "--yes")
    assert told.code == 2 and "Next: " in told.err and "Traceback" not in told.err
    assert len(assert_whole(stored(home))) == 3


def test_rm_leaves_a_file_of_the_user_s_alone(home: Path, starter_path: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "Mine-Q4_1.gguf"
    mine.parent.mkdir()
    shutil.copy(starter_path, mine)
    for words in ((str(mine),), ("Mine-Q4_1",)):
        told = cli(home, "rm", *words, "--yes", HOMEROOM_MODEL_FOLDERS=str(mine.parent))
        assert told.code == 2 and str(mine) in told.err and "yourself" in told.err
    assert mine.exists()


def test_rm_says_whose_a_model_of_ollama_is_and_what_to_type(home: Path, starter_path: Path, tmp_path: Path) -> None:
    ollama = tmp_path / "ollama"
    content = starter_path.read_bytes()
    (ollama / "blobs").mkdir(parents=True)
    (ollama / "blobs" / f"sha256-{digest(content)}").write_bytes(content)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest(content)}"}
    manifest = ollama / "manifests" / "registry.ollama.ai" / "library" / "smol" / "135m"
    manifest.parent.mkdir(parents=True)
    layers = [layer | {"size": len(content)}]
    manifest.write_text(json.dumps({"schemaVersion": 2, "config": layers[0], "layers": layers}))
    english, chinese = (
        cli(
            home, "rm", "ollama:smol:135m", "--yes", "--lang", lang, OLLAMA_MODELS=str(ollama), HOMEROOM_STORES="ollama"
        )
        for lang in ("en", "zh")
    )
    assert english.code == chinese.code == 2
    assert "Ollama's" in english.err and "Next: Delete it with: ollama rm smol:135m\n" in english.err
    assert "属于 Ollama" in chinese.err and "ollama rm smol:135m" in chinese.err
    check = cli(home, "verify", "ollama:smol:135m", OLLAMA_MODELS=str(ollama), HOMEROOM_STORES="ollama")
    assert check.code == 2 and "homeroom's own store" in check.err and "Next: Verify all" in check.err
    assert "elete" not in check.err and "ollama rm" not in check.err, "a check deletes nothing"
    assert manifest.exists() and len(list((ollama / "blobs").iterdir())) == 1


@pytest.mark.parametrize(
    ("keeper", "name", "typed"),
    [
        ("ollama", "ollama:me/mine:7b", "ollama rm me/mine:7b"),
        ("huggingface", "hf:Org/Repo-GGUF:Q4_K_M", "hf cache rm model/Org/Repo-GGUF"),
        ("modelscope", "ms:Org/Repo-GGUF:Q4_K_M", "modelscope cache clear --repo-id Org/Repo-GGUF"),
        ("lmstudio", "hf:Org/Repo-GGUF:Q4_K_M", "My Models"),
        ("llama.cpp", "hf:Org/Repo-GGUF:Q4_K_M", "delete that file"),
        ("folder", "Mine-Q4_1", "Delete that file"),
    ],
)
def test_rm_knows_how_each_program_deletes(keeper: Keeper, name: str, typed: str) -> None:
    error = whose(Neighbour(name, keeper, (Path("/there/m.gguf"),), 1))
    assert f"{Path('/there/m.gguf')}" in error.message and name in error.message and typed in str(error.next)


def test_rm_says_that_a_gateway_still_has_it_loaded_and_what_to_type(make_home: MakeHome) -> None:
    home = make_home()
    process = start(home, "up", "--port", "0", "--ctx", "512", "--json")
    assert process.stdout is not None and process.stdout.readline()
    keep(stored(home), "other", WEIGHTS)
    try:
        assert cli(home, "rm", "other").err == "", "that one is not loaded"
        told = cli(home, "rm", "starter", "--json")
        assert told.code == 0 and told.json["still_loaded"] == ["starter"]
        assert [engine["model"] for engine in cli(home, "ps", "--json").json["engines"]] == ["starter"]
        assert "starter is still loaded" in told.err and told.err.endswith(": homeroom stop --all\n")
    finally:
        assert end(process).code == 0


def test_rm_on_a_terminal_that_is_told_to_be_json_does_not_ask(home: Path) -> None:
    with Terminal(home, "rm", "big", "--json") as terminal:
        assert "freed" in terminal.expect('"freed": 90,\r\n  "still_loaded": ')


# ---- prune


def test_prune_in_its_forms(home: Path) -> None:
    store = stored(home)
    blob(store, b"no model's")
    part = store.partial / f"{digest(b'x')}.part"
    part.write_bytes(b"x" * 5000)
    os.utime(part, (1e9, 1e9))
    dry, data, chinese, quiet = (
        cli(home, "prune", *more)
        for more in (("--dry-run",), ("--dry-run", "--json"), ("--dry-run", "--lang", "zh"), ("-q",))
    )
    assert dry.out.splitlines() == [
        "Files that no model needs: 1 (10 B)",
        "Parts of downloads that nobody goes on with: 1 (5.0 kB)",
        "5.0 kB would be free again with: homeroom prune",
    ]
    assert (data.json["dry_run"], data.json["busy"], data.json["freed"]) == (True, False, 5010)
    assert {item["kind"]: item["bytes"] for item in data.json["items"]} == {"blob": 10, "part": 5000}
    assert "无人继续的下载片段" in chinese.out
    assert set(quiet.out.split()) == {str(part), str(store.blob(digest(b"no model's")))}
    assert cli(home, "prune").out == "There is nothing to delete.\n"
    assert len(assert_whole(store)) == 3


def test_prune_says_what_it_left_of_today_and_deletes_it_with_all(home: Path) -> None:
    part = stored(home).partial / f"{digest(b'x')}.part"
    part.write_bytes(b"x" * 5000)
    people, data, chinese = (cli(home, "prune", *more) for more in ((), ("--json",), ("--lang", "zh")))
    assert people.out == "There is nothing to delete.\n" and "Left: 5.0 kB" in people.err
    assert "homeroom prune --all" in people.err and "已保留" in chinese.err and "homeroom prune --all" in chinese.err
    assert (data.json["left"], data.json["freed"], data.json["items"]) == (5000, 0, [])
    assert part.exists() and "files belong to no model" not in cli(home, "verify").err
    dry = cli(home, "prune", "--all", "--dry-run")
    assert "5.0 kB would be free again with: homeroom prune --all\n" in dry.out and dry.err == "" and part.exists()
    told = cli(home, "prune", "--all", "--json").json
    assert (told["freed"], told["left"]) == (5000, 0) and not part.exists()


def test_prune_says_what_it_left_for_a_pull(home: Path) -> None:
    from homeroom.models.disk import Lock

    blob(stored(home), b"no model's")
    lock = Lock(stored(home).lock(digest(b"coming")))
    assert lock.take()
    try:
        told = cli(home, "prune", "--json")
        assert told.code == 0 and told.json["busy"] and told.json["items"] == []
        assert "Somebody is fetching" in told.err and "homeroom prune" in told.err
    finally:
        lock.release()
    assert cli(home, "prune", "--json").json["freed"] == 10


def test_prune_where_nothing_is_creates_nothing(tmp_path: Path) -> None:
    assert cli(tmp_path, "prune").code == cli(tmp_path, "verify").code == 0
    assert list(tmp_path.iterdir()) == []


# ---- verify


def test_verify_in_its_forms(home: Path) -> None:
    people, data, quiet = (cli(home, "verify", *more) for more in ((), ("--json",), ("-q",)))
    heading, *rows = [line.split() for line in people.out.splitlines()]
    assert heading == ["NAME", "SIZE", "STATE"]
    assert rows == [
        ["big", "90", "B", "whole"],
        ["hf:Org/Repo-GGUF:Q4_K_M", "7.0", "kB", "whole"],
        ["starter", "7.0", "kB", "whole"],
    ]
    assert data.json["whole"] and data.json["unneeded"] == {"count": 0, "bytes": 0}
    assert [model["state"] for model in data.json["models"]] == ["whole"] * 3
    assert (quiet.out, quiet.err) == ("", "")
    assert (people.code, data.code, quiet.code) == (0, 0, 0)


def test_verify_names_each_damaged_model_and_what_to_type(home: Path) -> None:
    path = damage(home)
    told, data, quiet = (cli(home, "verify", *more) for more in ((), ("--json",), ("-q",)))
    assert (told.code, data.code, quiet.code) == (1, 1, 1)
    both = ("hf:Org/Repo-GGUF:Q4_K_M", "starter")
    assert f"Error: {', '.join(both)} are not whole: " in told.err and told.err.count(str(path)) == 1
    assert f"homeroom pull {both[0]}." in told.err and f"homeroom rm {' '.join(both)}" in told.err
    assert data.json["whole"] is False
    assert [model["state"] for model in data.json["models"]] == ["whole", "damaged", "damaged"]
    assert quiet.out.split() == ["hf:Org/Repo-GGUF:Q4_K_M", "starter"]
    assert cli(home, "verify", "big").code == 0
    one = cli(home, "verify", "starter").err
    assert "Error: starter is not whole: " in one and "homeroom pull starter." in one
    chinese = cli(home, "verify", "starter", "--lang", "zh")
    assert "starter 不完整" in chinese.err and "已损坏" in chinese.out and "homeroom pull starter" in chinese.err


def test_a_model_that_verify_found_damaged_is_not_run(home: Path) -> None:
    damage(home)
    cli(home, "verify")
    told = cli(home, "show", "starter")
    assert told.code == 3 and "damaged" in told.err and "homeroom pull starter" in told.err


def test_verify_tells_what_no_model_needs(home: Path) -> None:
    blob(stored(home), b"no model's")
    told = cli(home, "verify")
    assert told.code == 0 and "homeroom prune" in told.err and "(10 B)" in told.err


def test_verify_puts_the_names_of_shards_back(home: Path) -> None:
    shutil.rmtree(home / "models" / "split")
    assert "big" in cli(home, "list").err
    told = cli(home, "verify", "big", "--json")
    assert told.code == 0 and told.json["models"][0]["mended"] and "now they are" in told.err
    assert cli(home, "list").err.count("under their own names") == 0


def test_verify_of_a_model_that_is_not_there(home: Path) -> None:
    told = cli(home, "verify", "startr", "--json")
    assert told.code == 2 and told.json["error"]["code"] == "model_not_found" and "starter" in told.err


# ---- the engine


@pytest.mark.parametrize("kind", ["hard links", "symbolic links"])
def test_the_engine_runs_a_split_model_of_the_store(kind: str, starter_path: Path, tmp_path: Path) -> None:
    """Real shards: it finds the second and third by the name of the first, which is a link to a blob."""
    store = Store(tmp_path / "home" / "models")
    store.prepare()
    files = []
    for part in split_file(starter_path, tmp_path, "SmolLM2-135M-Instruct-Q4_1"):
        files.append(StoredFile("model", part.name, digest(part.read_bytes()), part.stat().st_size))
        part.rename(store.blob(files[-1].sha256))
    model = store.put("split", files, source="hf:o/r")
    if kind == "symbolic links":
        for path, file in zip(model.paths, files, strict=True):
            path.unlink()
            path.symlink_to(Path("..", "..", "blobs", f"sha256-{file.sha256}"))
    words = ("Name one colour.", "--temperature", "0", "--max-tokens", "8", "-q")
    whole, split = (cli(tmp_path / "home", "run", name, *words) for name in (str(starter_path), "split"))
    assert whole.code == split.code == 0, split.err
    assert split.out == whole.out and split.out.strip()
    assert assert_whole(store) == {"split"}


# ---- completion


@pytest.mark.parametrize("command", ["rm", "verify", "rm big"])
def test_stored_names_are_completed(command: str, home: Path) -> None:
    stored(home).manifest("stale").write_text("{")
    line = f"homeroom {command} st"
    asked = {"_HOMEROOM_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    done = subprocess.run(HOMEROOM, capture_output=True, text=True, env=environment(home, **asked), timeout=30)
    assert done.stdout.splitlines() == ["plain,stale", "plain,starter"] and done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_a_manifest_that_cannot_be_read_stops_deleting(home: Path) -> None:
    stored(home).manifest("huge").write_bytes(b" " * (2 << 20))
    for command in (("prune",), ("rm", "starter")):
        told = cli(home, *command)
        assert told.code == 3 and "huge.json" in told.err and "Next: " in told.err
    assert cli(home, "rm", "huge").code == 0 and cli(home, "prune").code == 0
