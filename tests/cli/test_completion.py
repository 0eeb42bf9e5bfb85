"""Completion: the script of each shell, and what it is given to choose from."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from support.commands import HOMEROOM, cli, environment


def completed(home: Path, line: str, **more: str) -> list[str]:
    """What bash would be offered at the end of *line*."""
    words = line.split(" ")
    asked = {"_HOMEROOM_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(HOMEROOM, capture_output=True, text=True, env=environment(home, **asked, **more), timeout=30)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_accepts(shell: str, tmp_path: Path) -> None:
    told = cli(tmp_path, "completion", shell)
    assert told.code == 0 and "_HOMEROOM_COMPLETE" in told.out
    if shutil.which(shell):
        (tmp_path / "script").write_text(told.out)
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)


def test_commands(tmp_path: Path) -> None:
    assert completed(tmp_path, "homeroom s") == ["plain,show", "plain,serve", "plain,stop"]
    assert "plain,revoke" in completed(tmp_path, "homeroom keys ")


@pytest.mark.parametrize("command", ["show", "run", "stop", "up --model", "serve --model"])
def test_models_by_name(command: str, home: Path) -> None:
    assert completed(home, f"homeroom {command} st") == ["plain,starter"]


def test_models_of_the_users_folders_and_else_files(home: Path, starter_path: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").symlink_to(starter_path)
    assert completed(home, "homeroom show mi", HOMEROOM_MODEL_FOLDERS=str(tmp_path)) == ["plain,mine"]
    assert completed(home, "homeroom show /tm") == ["file,/tm"]


def test_pull_knows_what_can_be_pulled(tmp_path: Path) -> None:
    assert completed(tmp_path, "homeroom pull start")[0] == "plain,starter"
    assert "plain,smollm2" in "".join(completed(tmp_path, "homeroom pull smoll"))


def test_options(tmp_path: Path) -> None:
    assert completed(tmp_path, "homeroom run --see") == ["plain,--seed"]


def test_a_broken_configuration_completes_nothing_and_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("=")
    assert completed(tmp_path, "homeroom show st") == ["file,st"]
