"""``list``, ``show``, ``fit`` and ``run`` on models that other programs keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import neighbours
from support.commands import cli

STEADY = ("--temperature", "0", "--seed", "1", "--max-tokens", "4")
CHATML = "<|im_start|>user\n{{ .Prompt }}<|im_end|>\n"


@pytest.fixture
def user(tmp_path: Path, starter_path: Path, gemma_path: Path) -> dict[str, str]:
    """The environment of a user who has Ollama and LM Studio, with a model in each."""
    home = tmp_path / "user"
    told = {
        "system": "You are Mario.\nAlways.",
        "params": '{"num_ctx": 4096, "stop": ["<|im_end|>"]}',
        "template": CHATML,
    }
    neighbours.ollama(home / ".ollama" / "models", "mario:latest", starter_path, layers=told)
    neighbours.lmstudio(home, "google/gemma-GGUF", "gemma-Q4_K_M.gguf", gemma_path)
    return neighbours.environment(home, HOMEROOM_STORES="ollama,lmstudio")


def test_list_says_whose_they_are(home: Path, user: dict[str, str]) -> None:
    people, data, chinese = (cli(home, "list", *more, **user) for more in ((), ("--json",), ("--lang", "zh")))
    rows = {row.split()[0]: row.split() for row in people.out.splitlines()[1:]}
    assert list(rows) == ["lmstudio:google/gemma-GGUF:Q4_K_M", "ollama:mario:latest", "starter"]
    assert rows["ollama:mario:latest"][-1] == "Ollama" and "Q4_1" in rows["ollama:mario:latest"]
    assert people.out.splitlines()[1].endswith("LM Studio")
    assert "LAST USED" in people.out and "最近使用" in chinese.out
    models = {row["name"]: row for row in data.json["models"]}
    assert {name: row["store"] for name, row in models.items()} == {
        "lmstudio:google/gemma-GGUF:Q4_K_M": "lmstudio",
        "ollama:mario:latest": "ollama",
        "starter": "homeroom",
    }
    assert models["ollama:mario:latest"]["modelfile"]["system"] == "You are Mario.\nAlways."
    assert models["starter"]["modelfile"] is None and data.json["broken"] == []


def test_run_by_its_name_alone_and_list_knows_it(home: Path, user: dict[str, str]) -> None:
    told = cli(home, "run", "mario", "Hi", *STEADY, "--json", **user)
    assert told.code == 0 and told.json["model"] == "ollama:mario:latest" and told.json["text"], told.err
    plain = cli(home, "run", "starter", "Hi", *STEADY, "--json", **user)
    assert told.json["usage"]["prompt_tokens"] != plain.json["usage"]["prompt_tokens"], "its system prompt counts"
    used = {row["name"]: row["last_used"] for row in cli(home, "list", "--json", **user).json["models"]}
    assert used["ollama:mario:latest"] and used["starter"] and not used["lmstudio:google/gemma-GGUF:Q4_K_M"]
    assert cli(home, "prune", "-q", **user).code == 0
    used = {row["name"]: row["last_used"] for row in cli(home, "list", "--json", **user).json["models"]}
    assert used["ollama:mario:latest"], "nobody else's to sweep"


def test_show_tells_of_the_modelfile_what_is_followed(home: Path, user: dict[str, str]) -> None:
    people, chinese = cli(home, "show", "mario", **user).out, cli(home, "show", "mario", "--lang", "zh", **user).out
    told = {line.split()[0]: line for line in people.partition("From its Modelfile")[2].splitlines() if line.strip()}
    assert "You are Mario.…" in told["system"] and "not followed" in told["num_ctx"]
    assert "unless a request says otherwise" in told["stop"] and "the file's own is used" in told["template"]
    assert "来自其 Modelfile" in chinese and "Ollama" in people
    assert cli(home, "show", "mario", "--json", **user).json["origin"] == "ollama"


def test_fit_and_show_of_a_model_of_lm_studio(home: Path, user: dict[str, str]) -> None:
    for name in ("google/gemma-GGUF", "lmstudio:google/gemma-GGUF:Q4_K_M", "gemma-Q4_K_M"):
        told = cli(home, "fit", name, "--json", **user)
        assert told.code == 0 and told.json["model"]["architecture"] == "gemma3", told.err
    assert cli(home, "show", "google/gemma-GGUF", "--json", **user).json["origin"] == "lmstudio"


def test_what_is_broken_is_told_and_the_rest_is_listed(home: Path, user: dict[str, str]) -> None:
    folder = Path(user["HOME"]) / ".ollama" / "models"
    (folder / "manifests" / neighbours.REGISTRY / "library" / "mario" / "latest").write_text("{")
    told = cli(home, "list", **user)
    assert told.code == 0 and "starter" in told.out and "ollama:mario:latest" in told.err


def test_a_name_that_two_programs_have(home: Path, user: dict[str, str], starter_path: Path) -> None:
    neighbours.lmstudio(Path(user["HOME"]), "google/gemma-GGUF", "gemma-Q4_1.gguf", starter_path)
    told = cli(home, "show", "google/gemma-GGUF", **user)
    assert told.code == 2 and "lmstudio:google/gemma-GGUF:Q4_K_M" in told.err


def test_none_of_it_where_the_setting_says_so(home: Path, user: dict[str, str]) -> None:
    assert cli(home, "list", "-q", **(user | {"HOMEROOM_STORES": "none"})).out == "starter\n"
