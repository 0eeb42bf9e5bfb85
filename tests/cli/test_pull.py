"""``pull`` as it is typed, against hubs on loopback with the real starter and Gemma models, and what may happen to it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from homeroom.models.download.pieces import LENGTH
from homeroom.models.starter import starter_facts
from homeroom.models.store import Store
from support.commands import HOMEROOM, Answer, MakeHome, Terminal, cli, end, environment, start
from support.disks import small_disk
from support.hub_server import HubServer
from support.pulls import known_home, serving
from support.quantizations import in_quantization

REPOSITORY = "bartowski/SmolLM2-135M-Instruct-GGUF"
GEMMA = "google/gemma-3-270m-GGUF"
STEADY = ("--temperature", "0", "--seed", "1", "--max-tokens", "8")
HEADER = 4_000_000
"""More than a header takes on its way."""

Hubs = Callable[..., dict[str, str]]


class Lying(HubServer):
    """A hub that lists a digest for some files which they do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.lies: dict[Path, str] = {}

    def digest(self, content: Path | bytes) -> str:
        return (
            self.lies.get(content) or super().digest(content) if isinstance(content, Path) else super().digest(content)
        )


@pytest.fixture(scope="module")
def sparse(starter_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sparse")
    return {
        name: in_quantization(starter_path, name, folder / f"{name}.gguf") for name in ("F16", "Q8_0", "Q4_K_M", "Q2_K")
    }


@pytest.fixture
def hub(sparse: dict[str, Path], starter_path: Path, gemma_path: Path) -> Iterator[Lying]:
    """The starter in five quantizations, of which Q4_1 has its weights; and Gemma."""
    with serving(Lying()) as server:
        assert isinstance(server, Lying)
        for name, path in sparse.items():
            server.publish(REPOSITORY, f"SmolLM2-135M-Instruct-{name}.gguf", path)
        server.publish(REPOSITORY, "SmolLM2-135M-Instruct-Q4_1.gguf", starter_path)
        server.publish(GEMMA, "gemma-3-270m-Q4_K_M.gguf", gemma_path)
        server.push("library/gemma3", "270m", [("model", gemma_path), ("license", b"Gemma terms")])
        yield server


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """An empty home."""
    return known_home(tmp_path / "home")


def at(hub: HubServer, **more: str) -> dict[str, str]:
    """Settings that make *hub* every hub."""
    servers = dict.fromkeys(("HF_ENDPOINT", "MODELSCOPE_ENDPOINT", "OLLAMA_REGISTRY"), hub.url)
    return {f"HOMEROOM_{name}": url for name, url in servers.items()} | {"HF_HOME": "/nowhere"} | more


def pull(hub: HubServer, home: Path, *words: str, **more: str) -> Answer:
    return cli(home, "pull", *words, **at(hub, **more))


def bodies(hub: HubServer) -> int:
    """Bytes of files that travelled."""
    return sum(one.sent for one in hub.requests("files"))


def waits_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# ---- from a name to an answer


def test_from_a_name_to_an_answer(hub: Lying, new: Path) -> None:
    """The quantization is chosen, told with its reasons, fetched, and runs by the words that were typed."""
    told = pull(hub, new, "smollm2:135m", "--max-size", "100MB")
    assert told.code == 0, told.err
    for words in (
        "SmolLM2-135M-Instruct, 135 M parameters, Q4_1",
        "Of 2 quantizations on offer, Q4_1 (98.4 MB) is worth most here",
        "Those over 100.0 MB were left out: 3.",
        f"hf:{REPOSITORY}:Q4_1",
        "Apache-2.0",
        "Fits. It needs 352.3 MB",
        "of 100, by size, age and quantization; Q4_1 costs 7.2 % in perplexity",
        " at first, ",
        "8,192 tokens at most here",
        "98.4 MB, ",
        "/s as seen so far",
        "Fetching smollm2:135m-q4_1 (98.4 MB)",
    ):
        assert words in told.err, words
    assert told.out.startswith("smollm2:135m-q4_1 is here: 98.4 MB, ")
    assert told.out.splitlines()[-1] == "Next: homeroom run smollm2:135m-q4_1"
    answer = cli(new, "run", "smollm2:135m", "Say hello", *STEADY, "--json")
    assert answer.code == 0 and answer.json["text"]
    assert cli(new, "list", "-q").out == "smollm2:135m-q4_1\n"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (f"hf:{GEMMA}", f"hf:{GEMMA}:Q4_K_M"),
        (f"ms:{GEMMA}:Q4_K_M", f"ms:{GEMMA}:Q4_K_M"),
        ("ollama:gemma3:270m", "ollama:gemma3:270m"),
        (f"URL/files/{GEMMA}/gemma-3-270m-Q4_K_M.gguf", "gemma-3-270m-Q4_K_M"),
    ],
)
def test_every_form_runs_by_the_words_that_were_typed(hub: Lying, new: Path, words: str, name: str) -> None:
    words = words.replace("URL", hub.url)
    told = pull(hub, new, words, "-q")
    assert (told.code, told.out, told.err) == (0, f"{name}\n", "")
    answer = cli(new, "run", words, "The capital of France", *STEADY, "--json")
    assert answer.code == 0 and answer.json["text"]


def test_in_its_forms(hub: Lying, new: Path) -> None:
    wants = ("smollm2:135m", "--quant", "q4_1")
    dry = pull(hub, new, *wants, "--dry-run", "--json")
    row = dry.json
    assert dry.code == 0 and row["fetched"] is row["here"] is False and row["path"] is None
    assert row["name"] == "smollm2:135m-q4_1" and row["source"] == f"hf:{REPOSITORY}:Q4_1"
    assert row["fit"]["model"]["file_bytes"] == row["bytes"] == row["download_bytes"] == 98_362_432
    assert row["fit"]["verdict"] == "fits" and row["fit"]["memory"]["total"] > row["bytes"]
    sha256 = starter_facts().member.sha256
    (file,) = row["files"]
    assert file == {
        "role": "model",
        "name": "SmolLM2-135M-Instruct-Q4_1.gguf",
        "sha256": sha256,
        "bytes": 98_362_432,
    }
    assert row["seconds"] > 0 and row["rate"] > 0 and "Q4_1" in row["reason"] and row["answers"] == []
    assert not (new / "models").exists()  # a question creates nothing
    chinese = pull(hub, new, *wants, "--dry-run", "--lang", "zh")
    assert "按您的要求选取" in chinese.out and "许可证" in chinese.out and "未下载任何内容" in chinese.out
    people = pull(hub, new, *wants, "--dry-run")
    assert people.out.splitlines()[-1] == ("Nothing was fetched. To get it: homeroom pull smollm2:135m --quant Q4_1")
    real = pull(hub, new, *wants, "--json")
    assert real.json["fetched"] is True and real.json["sha256"] == sha256
    assert Path(real.json["path"]).stat().st_size == 98_362_432
    assert pull(hub, new, *wants, "--json").json | {"here": True, "fetched": False} == (
        pull(hub, new, "smollm2:135m-q4_1", "--json").json
    )


def test_what_is_here_already_needs_no_network(home: Path, gemma_path: Path) -> None:
    nowhere = {"HOMEROOM_HF_ENDPOINT": "http://127.0.0.1:9", "HOMEROOM_INDEX_URL": "http://127.0.0.1:9"}
    people, data = cli(home, "pull", "starter", **nowhere), cli(home, "pull", "starter", "--json", **nowhere)
    assert people.code == data.code == 0 and "starter is here already: 98.4 MB" in people.out
    assert data.json["files"][0]["sha256"] == starter_facts().member.sha256 and data.json["here"] is True
    file = cli(home, "pull", str(gemma_path), **nowhere)
    assert file.code == 0 and "needs no pull" in file.out and f"homeroom run {gemma_path}" in file.out


def test_the_starter_without_a_network(new: Path) -> None:
    nowhere = ("--index-url", "http://127.0.0.1:9/simple")
    told = cli(new, "pull", "starter", "--json", *nowhere)
    assert told.code == 3 and told.json["error"]["code"] == "network" and "Next: " in told.err
    dry = cli(new, "pull", "starter", "--dry-run", *nowhere)
    assert dry.code == 0 and "98.4 MB" in dry.out and "package:" in dry.out


# ---- a well-formed no


def test_what_this_machine_cannot_run(hub: Lying, new: Path) -> None:
    little = {"HOMEROOM_MEMORY": "200000000"}
    for words in ((), ("--dry-run",)):
        told = pull(hub, new, "smollm2:135m", *words, **little)
        assert told.code == 1 and "does not fit this machine" in told.err
        assert "homeroom pull smollm2:135m --ctx " in told.out + told.err
        assert "Next: See what this machine can run with: homeroom fit." in told.err and "--force" in told.err
    told = pull(hub, new, "smollm2:135m", "--json", **little)
    assert told.code == 1 and told.json["error"]["code"] == "does_not_fit"
    assert pull(hub, new, "smollm2:135m", "--dry-run", "--json", **little).json["fit"]["verdict"] == "too-big"
    assert bodies(hub) < 4 * HEADER and not (new / "models" / "blobs").exists()
    assert pull(hub, new, "smollm2:135m", "--force", "-q", **little).code == 0


def test_nothing_that_is_small_enough(hub: Lying, new: Path) -> None:
    told = pull(hub, new, "smollm2:135m", "--max-size", "50MB", "--json")
    assert told.code == 1 and told.json["error"]["code"] == "no" and "Q2_K" in told.json["error"]["message"]
    assert "--max-size 0.1GB" in told.json["error"]["next"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("smollm2:135m", "--max-size", "large"), "usage", "--max-size 5GB"),
        (("smollm2:135m-q2_k", "--quant", "Q8_0"), "usage", "homeroom pull smollm2:135m-q2_k"),
        (("llama-that-is-none",), "model_not_found", "homeroom fit --all"),
        (("hf:nobody/nothing",), "model_not_found", "HF_TOKEN"),
        (("no-such-file.gguf",), "model_not_found", "homeroom list"),
        (("smollm2:135m", "--sources", "everywhere"), "settings", "--sources"),
    ],
)
def test_what_was_typed_wrong(hub: Lying, new: Path, words: tuple[str, ...], code: str, said: str) -> None:
    told = pull(hub, new, *words, "--json")
    assert told.code == 2 and told.json["error"]["code"] == code
    assert said in told.err and "Traceback" not in told.err


def test_gated(hub: Lying, new: Path) -> None:
    hub.behaviour.gated = True
    told = pull(hub, new, f"hf:{REPOSITORY}", "--json")
    assert told.code == 3 and told.json["error"]["code"] == "source" and "HF_TOKEN" in told.json["error"]["next"]


def test_every_source_is_told_where_none_has_it(hub: Lying, new: Path) -> None:
    told = pull(hub, new, "qwen3:0.6b")
    assert told.err.startswith("Looking for qwen3:0.6b") and "--sources" not in told.err
    assert told.code == 2 and all(word in told.err for word in ("Hugging Face", "ModelScope", "Ollama"))
    only = pull(hub, new, "smollm2:135m", "--sources", "ollama")
    assert only.code == 2 and "Hugging Face" not in only.err


# ---- what may happen to it


def begun(hub: Lying, home: Path, *words: str, rate: float = 20_000_000) -> subprocess.Popen[str]:
    """A pull in the middle of the weights, each connection at *rate* bytes a second."""
    hub.behaviour.rate = rate
    process = start(home, "pull", "smollm2:135m-q4_1", *words, **at(hub))
    waits_for(lambda: bodies(hub) > HEADER + 2 * LENGTH or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def went_on(hub: Lying, home: Path, before: int) -> None:
    """Pull again, to its end: of what had come no byte travels again but for what was under way."""
    hub.behaviour.rate = 0
    told = pull(hub, home, "smollm2:135m-q4_1")
    assert told.code == 0, told.err
    assert "(the rest is here already)" in told.err
    assert bodies(hub) < 98_362_432 + 3 * HEADER + 5 * LENGTH and bodies(hub) - before < 98_362_432
    assert Store(home / "models").get("smollm2:135m-q4_1") is not None
    assert {path.suffix for path in (home / "models" / "partial").iterdir()} <= {".lock"}


def test_interrupted_and_on_again(hub: Lying, new: Path) -> None:
    process = begun(hub, new, "--json")
    ended = end(process)
    error = json.loads(ended.out)["error"]
    assert ended.code == 130 and error["code"] == "interrupted"
    assert "stays" in error["message"] and error["next"] == "Go on with it: homeroom pull smollm2:135m-q4_1"
    assert cli(new, "list", "--json").json["models"] == []
    went_on(hub, new, bodies(hub))


def test_killed_and_on_again(hub: Lying, new: Path) -> None:
    process = begun(hub, new)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    went_on(hub, new, bodies(hub))


def test_two_at_once_fetch_it_once(hub: Lying, new: Path) -> None:
    first = begun(hub, new, rate=4_000_000)
    second = start(new, "pull", "smollm2:135m-q4_1", **at(hub))
    for process in (first, second):
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert bodies(hub) < 98_362_432 + 3 * HEADER
    assert "Another process is fetching smollm2:135m-q4_1" in err


def test_nobody_deletes_what_is_on_its_way(hub: Lying, new: Path) -> None:
    process = begun(hub, new, rate=6_000_000)
    told = cli(new, "prune", "--json")
    assert told.code == 0 and told.json["busy"] is True and told.json["freed"] == 0, told
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert bodies(hub) < 98_362_432 + 2 * HEADER


def test_what_arrives_is_not_what_was_published(hub: Lying, new: Path, starter_path: Path) -> None:
    hub.lies[starter_path] = "0" * 64
    told = pull(hub, new, f"hf:{REPOSITORY}:Q4_1", "--json")
    assert told.code == 3 and told.json["error"]["code"] == "digest_mismatch" and told.json["error"]["next"]
    assert cli(new, "list", "--json").json["models"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
def test_a_disk_that_is_too_small(hub: Lying, tmp_path: Path) -> None:
    """On a disk of 20 MB: told before the first byte of the weights, with what is needed."""
    home = tmp_path / "home"
    under = small_disk(home, 20)
    if under is None:
        pytest.skip("nobody may mount a small disk here")
    command = [*under, *HOMEROOM, "pull", "smollm2:135m-q4_1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(home, **at(hub)))
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "disk_full" and "98.4 MB" in error["message"] and "HOMEROOM_HOME" in error["next"]
    assert bodies(hub) < HEADER


def test_a_source_that_cannot_be_reached_is_told_and_the_next_one_serves(hub: Lying, new: Path) -> None:
    told = pull(hub, new, "smollm2:135m-q2_k", "--hf-endpoint", "http://127.0.0.1:9")
    assert told.code == 0, told.err
    assert "Asked without success: Hugging Face" in told.err and f"ms:{REPOSITORY}:Q2_K" in told.err


def test_a_damaged_model_is_mended(hub: Lying, new: Path) -> None:
    assert pull(hub, new, "smollm2:135m-q4_1", "-q").code == 0
    path = Path(cli(new, "pull", "smollm2:135m-q4_1", "--json").json["path"])
    with path.open("r+b") as file:
        file.seek(60_000_000)
        file.write(b"spoilt")
    assert cli(new, "verify").code == 1
    hub.asked.clear()
    told = pull(hub, new, "smollm2:135m-q4_1")
    assert told.code == 0 and "not whole" in told.err
    assert "what is damaged of its 98.4 MB" in told.err and "next to nothing" not in told.err
    assert told.err.count("Warning") == 0, told.err
    assert bodies(hub) < LENGTH + HEADER
    assert cli(new, "verify").code == 0


# ---- on a terminal


def test_on_a_terminal_it_asks_and_shows_a_bar(hub: Lying, new: Path) -> None:
    hub.behaviour.rate = 50_000_000
    with Terminal(new, "pull", "smollm2:135m-q4_1", **at(hub)) as terminal:
        terminal.expect(r"Fetch it now\? \[Y/n\]")
        terminal.send("n\n")
        terminal.expect("Nothing was fetched")
        assert terminal.ended() == 1
    assert bodies(hub) < HEADER
    with Terminal(new, "pull", "smollm2:135m-q4_1", **at(hub)) as terminal:
        terminal.expect(r"Fetch it now\? \[Y/n\]")
        terminal.send("\n")
        terminal.expect(r"MB/s, [\d.]+ s left")
        terminal.expect("smollm2:135m-q4_1 is here: 98.4 MB")
        assert terminal.ended() == 0


def test_who_interrupts_the_question_gets_nothing(hub: Lying, new: Path) -> None:
    with Terminal(new, "pull", "smollm2:135m-q4_1", **at(hub)) as terminal:
        terminal.expect(r"Fetch it now\? \[Y/n\]")
        terminal.send("\x03")
        assert "Error" not in terminal.expect("Nothing was fetched")
        assert terminal.ended() == 130
    assert bodies(hub) < HEADER


def test_with_yes_it_does_not_ask(hub: Lying, new: Path) -> None:
    with Terminal(new, "pull", "smollm2:135m-q2_k", "--yes", **at(hub)) as terminal:
        assert "Fetch it now" not in terminal.expect("is here: ")
        assert terminal.ended() == 0


# ---- where others need a model


def test_up_gets_the_model_that_is_named(hub: Lying, new: Path) -> None:
    process = start(new, "up", "--port", "0", "--ctx", "512", "--json", "--model", "smollm2:135m-q4_1", **at(hub))
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    assert json.loads(line)["model"] == "smollm2:135m-q4_1"
    ended = end(process)
    assert ended.code == 0 and "Fetching smollm2:135m-q4_1" in ended.err


def test_run_of_what_is_not_here_says_how_to_get_it(hub: Lying, new: Path) -> None:
    for words in ("smollm2:135m", f"hf:{REPOSITORY}", "deepseek-r1"):
        told = cli(new, "run", words, "hi", **at(hub))
        assert told.code == 2 and f"Next: Get it with: homeroom pull {words}" in told.err, told.err
    assert hub.asked == []


def test_serve_downloads_nothing(hub: Lying, new: Path) -> None:
    told = cli(new, "serve", "--port", "0", "--model", "smollm2:135m", **at(hub))
    assert told.code == 2 and "homeroom pull smollm2:135m" in told.err and hub.asked == []


def test_run_on_a_terminal_offers_to_fetch_it(hub: Lying, make_home: MakeHome) -> None:
    with Terminal(known_home(make_home()), "run", "smollm2:135m-q4_1", "hi", *STEADY, **at(hub)) as terminal:
        terminal.expect(r"Fetch it now\? \[y/N\]")
        terminal.send("y\n")
        terminal.expect("Fetching smollm2:135m-q4_1")
        assert terminal.ended() == 0


def test_completion_knows_the_catalogue(new: Path) -> None:
    def completed(word: str) -> list[str]:
        words = {"COMP_WORDS": f"homeroom pull {word}", "COMP_CWORD": "2", "_HOMEROOM_COMPLETE": "bash_complete"}
        found: list[Any] = cli(new, **words).out.splitlines()
        return [str(line).rpartition(",")[2] for line in found]

    assert "deepseek-r1:7b" in completed("deepseek-r1")
    assert completed("start") == ["starter"]
