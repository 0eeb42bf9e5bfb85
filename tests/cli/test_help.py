"""Help pages and what is typed wrong: at once, in both languages, with the next thing to type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from homeroom import text
from homeroom.cli.app import COMMANDS, root, scan
from homeroom.cli.grammar import Command, Group, Option
from homeroom.cli.output import Wants
from homeroom.settings import SETTINGS
from support.commands import cli, environment
from support.pulls import known_home

HEAVY = ("aiohttp", "sqlalchemy", "rich", "xllamacpp", "starlette", "uvicorn", "prompt_toolkit", "psutil", "asyncio")


def every_command() -> list[tuple[str, click.Command]]:
    top = root()
    context = click.Context(top, info_name="homeroom")
    found: list[tuple[str, click.Command]] = [("homeroom", top)]
    for name in COMMANDS:
        command = top.get_command(context, name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, Group):
            found += [(f"{name} {inner}", command.commands[inner]) for inner in command.commands]
    return found


@pytest.mark.parametrize("words", [["--help"], ["up", "--help"], ["--version"], ["no-such-command"], []])
def test_help_imports_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from homeroom.cli import main; main(sys.argv[1:]); "
        f"sys.stderr.write(str([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    run = [sys.executable, "-c", code, *words]
    done = subprocess.run(run, capture_output=True, text=True, env=environment(tmp_path), check=True)
    assert done.stderr.endswith("[]")


@pytest.mark.parametrize(
    "words", [["list"], ["fit"], ["fit", "--chart"], ["fit", "deepseek-r1:7b", "--force"], ["verify"]]
)
def test_what_asks_nobody_brings_no_network_and_no_engine(words: list[str], tmp_path: Path) -> None:
    """What takes a tenth of a second to import; how long a start takes is measured by bench/startup.py and fit_speed.py."""
    heavy = ("aiohttp", "yarl", "sqlalchemy", "xllamacpp", "starlette", "uvicorn", "prompt_toolkit")
    code = (
        "import sys; from homeroom.cli import main; main(sys.argv[1:]); "
        f"sys.stderr.write(str([m for m in {heavy!r} if m in sys.modules]))"
    )
    run = [sys.executable, "-c", code, *words]
    done = subprocess.run(run, capture_output=True, text=True, env=environment(known_home(tmp_path)), check=True)
    assert done.stderr.endswith("[]"), done.stderr


def test_help_lists_every_command_in_both_languages(tmp_path: Path) -> None:
    english, chinese = cli(tmp_path, "--help"), cli(tmp_path, "--help", "--lang", "zh")
    for name in COMMANDS:
        assert f"\n  {name} " in english.out and f"\n  {name} " in chinese.out
    assert english.out.startswith("Usage: homeroom") and chinese.out.startswith("用法：homeroom")
    assert "Commands:" in english.out and "命令：" in chinese.out and "通用选项：" in chinese.out


@pytest.mark.parametrize(
    "words", [("--lang", "zh", "list", "-h"), ("list", "-h", "--lang=zh"), ("list", "--lang", "zh", "-h")]
)
def test_the_language_is_understood_before_and_after_the_command(words: tuple[str, ...], tmp_path: Path) -> None:
    assert "列出本机模型" in cli(tmp_path, *words).out


@pytest.mark.parametrize("how", ["environment", "config.toml", "locale"])
def test_the_language_comes_from_the_settings_and_the_locale(how: str, tmp_path: Path) -> None:
    if how == "config.toml":
        (tmp_path / "config.toml").write_text('lang = "zh"\n', encoding="utf-8")
    more = {"environment": {"HOMEROOM_LANG": "zh"}, "locale": {"LC_ALL": "zh_CN.UTF-8"}}.get(how, {})
    assert "用法" in cli(tmp_path, "-h", **more).out
    assert "Usage" in cli(tmp_path, "-h", "--lang", "en", **more).out


def test_chinese_that_a_terminal_cannot_show_is_told_in_english(tmp_path: Path) -> None:
    assert "Usage" in cli(tmp_path, "-h", "--lang", "zh", PYTHONIOENCODING="ascii").out


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_every_command_and_option_has_its_help(language: text.Language) -> None:
    text.set_language(language)
    try:
        for path, command in every_command():
            assert isinstance(command, Command | Group)
            assert command.key == f"help.{path.replace(' ', '_')}"
            context = click.Context(command, info_name=path)
            assert command.get_short_help_str()
            for option in command.params:
                if isinstance(option, click.Option):
                    assert isinstance(option, Option)
                    record = option.get_help_record(context)
                    assert record is not None and record[1]
    finally:
        text.set_language("en")


def test_every_setting_has_a_flag_on_up_or_on_fit() -> None:
    flags = {
        flag
        for _, command in every_command()
        if command.name in ("up", "fit")
        for param in command.params
        for flag in param.opts
    }
    assert {setting.flag for setting in SETTINGS} <= flags


WRONG = [
    ("lst", "list"),
    ("nonsense", "homeroom --help"),
    ("list --jsn", "--json"),
    ("list --nonsense-here", "homeroom list --help"),
    ("list extra words", "extra words"),
    ("show", "MODEL"),
    ("run x --seed one", "--seed"),
    ("run x --temperature hot", "--temperature"),
    ("run x --seed", "--seed"),
    ("list --json=1", "--json"),
    ("keys add x --right root", "inference | admin"),
    ("keys ad x", "add"),
    ("completion tcsh", "bash | zsh | fish"),
    ("--lang fr list", "en | zh"),
    ("up --port 99999999", "--port"),
    ("up --kv-type f64", "q8_0"),
    ("stop", "--all"),
    ("stop x --all", "--all"),
]


@pytest.mark.parametrize(("typed", "named"), WRONG)
def test_what_is_typed_wrong_is_told_in_both_languages(typed: str, named: str, tmp_path: Path) -> None:
    english, chinese = (cli(tmp_path, *typed.split(), HOMEROOM_LANG=lang) for lang in ("en", "zh"))
    for told, error, following in ((english, "Error: ", "\nNext: "), (chinese, "错误：", "\n下一步：")):
        assert told.code == 2
        assert told.out == ""
        assert told.err.startswith(error) and following in told.err and named in told.err
        assert "Traceback" not in told.err


def test_an_error_in_json_has_the_same_words(tmp_path: Path) -> None:
    told = cli(tmp_path, "nonsense", "--json")
    assert told.code == 2 and told.json["error"]["code"] == "usage"
    assert told.json["error"]["message"] in told.err


def test_a_flag_after_two_dashes_is_no_flag() -> None:
    assert scan(["run", "x", "--", "--json", "-q"]) == Wants()
    assert scan(["--lang=zh", "run", "-v"]) == Wants(verbose=True, lang="zh")


def test_a_value_that_looks_like_a_flag_is_a_value(tmp_path: Path) -> None:
    """``--system --json``: the second word is the first one's, and the error is for people."""
    told = cli(tmp_path, "run", "no-such-model", "hi", "--system", "--json")
    assert told.code == 2 and told.out == ""
