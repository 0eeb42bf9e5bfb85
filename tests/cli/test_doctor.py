"""``doctor``: a report without secrets, what is wrong, and the command that mends it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from homeroom.settings import SETTINGS
from support.commands import Running, cli


@pytest.fixture
def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def test_where_all_is_well(home: Path, free_port: str) -> None:
    people, data = (cli(home, "doctor", *more, HOMEROOM_PORT=free_port) for more in ((), ("--json",)))
    assert people.code == data.code == 0
    report = data.json
    assert report["ok"] and report["problems"] == [] and report["port_free"] is True
    assert report["engine"]["version"] and report["models"] == [{"name": "starter", "bytes": 98_362_432}]
    assert report["settings"]["port"] == {"value": free_port, "origin": "environment"}
    assert set(report["settings"]) == {setting.name for setting in SETTINGS}
    for words in (report["versions"]["xllamacpp"], report["machine"]["processor"], str(home), "Nothing is wrong"):
        assert words in people.out
    assert "一切正常" in cli(home, "doctor", "--lang", "zh", HOMEROOM_PORT=free_port).out


def test_with_a_running_gateway(gateway: Running) -> None:
    report = cli(gateway.home, "doctor", "--json").json
    assert report["gateway"] == {"base_url": gateway.base_url, "pid": gateway.pid} and report["port_free"] is None
    assert gateway.key not in str(report)


def test_everything_that_can_be_wrong_at_once(home: Path, tmp_path: Path, starter_path: Path) -> None:
    (tmp_path / "cut.gguf").write_bytes(starter_path.read_bytes()[:1_000_000])
    (tmp_path / "homeroom.db").touch(mode=0o644)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wrong = {
            "HOMEROOM_PORT": str(taken.getsockname()[1]),
            "HOMEROOM_MODEL": "nope",
            "HOMEROOM_MODEL_FOLDERS": f"{tmp_path}:/no/such/folder",
        }
        people, data = (cli(tmp_path, "doctor", *more, **wrong) for more in ((), ("--json",)))
    assert people.code == data.code == 1
    assert {problem["code"] for problem in data.json["problems"]} == {
        "port_taken",
        "model_not_found",
        "store",
        "bad_model_file",
    }
    for words in ("homeroom up --port", "chmod 600", "cut.gguf", "/no/such/folder", "'nope'"):
        assert words in people.out
    assert all(problem["next"] for problem in data.json["problems"])


@pytest.mark.parametrize("where", ["environment", "config.toml"])
def test_settings_that_cannot_be_read_do_not_stop_it(where: str, tmp_path: Path) -> None:
    more = {"HOMEROOM_THREADS": "many"} if where == "environment" else {}
    (tmp_path / "config.toml").write_text("threads =\n" if where == "config.toml" else "")
    told = cli(tmp_path, "doctor", "--json", **more)
    assert told.code == 1 and "settings" in [problem["code"] for problem in told.json["problems"]]
    assert told.json["engine"]["version"]


def test_no_password_is_in_it(home: Path, free_port: str) -> None:
    address = "http://alice:s3cret@127.0.0.1:9/simple?token=t0ken"
    for more in ((), ("--json",), ("--network",)):
        told = cli(home, "doctor", *more, HOMEROOM_INDEX_URL=address, HOMEROOM_PORT=free_port)
        assert "s3cret" not in told.out + told.err and "t0ken" not in told.out + told.err


def test_the_network_is_asked_only_when_told(home: Path, free_port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as index:
        address = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        told = cli(home, "doctor", "--json", HOMEROOM_INDEX_URL=address, HOMEROOM_PORT=free_port)
        index.settimeout(0.1)
        with pytest.raises(TimeoutError):
            index.accept()
    assert told.code == 0 and told.json["indexes"] is None
    told = cli(home, "doctor", "--json", "--network", HOMEROOM_INDEX_URL=address, HOMEROOM_PORT=free_port)
    assert told.code == 1 and told.json["indexes"][0]["address"] == address


def test_settings_are_shown_as_they_are_typed_and_as_they_are_in_force(home: Path, free_port: str) -> None:
    told = cli(home, "doctor", "--json", HOMEROOM_PORT=free_port, HF_ENDPOINT="", HOMEROOM_STORES="").json["settings"]
    assert told["sources"] == {"value": "hf,ms,ollama", "origin": "default"}
    assert told["stores"]["value"] == "ollama,lmstudio,huggingface,llama.cpp,modelscope"
    assert told["hf_endpoint"] == {"value": "https://huggingface.co", "origin": "default"}
    theirs = {"HF_ENDPOINT": "https://me:s3cret@mirror.example/", "MODELSCOPE_ENDPOINT": "ms.example"}
    own = {"HOMEROOM_OLLAMA_REGISTRY": "https://registry.example"}
    page = cli(home, "doctor", HOMEROOM_PORT=free_port, HOMEROOM_STORES="none", **theirs, **own).out
    rows = {words[0]: words[1:] for line in page.splitlines() if (words := line.split())}
    assert rows["hf_endpoint"] == ["https://****@mirror.example", "environment"]
    assert rows["modelscope_endpoint"] == ["https://ms.example", "environment"]
    assert rows["ollama_registry"] == ["https://registry.example", "environment"]
    assert (rows["sources"], rows["stores"]) == (["hf,ms,ollama", "default"], ["none", "environment"])


def test_an_endpoint_that_is_no_address_is_told(home: Path, free_port: str) -> None:
    told = cli(home, "doctor", HOMEROOM_PORT=free_port, HF_ENDPOINT="http://")
    assert told.code == 1 and "HF_ENDPOINT" in told.out
