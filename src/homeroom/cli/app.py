"""The root command: which commands there are, in what language they speak, and how a run ends.

A command's module is imported only when it is called; ``homeroom --help`` imports click and the catalogue alone.
"""

from __future__ import annotations

import importlib
import itertools
import os
from collections.abc import Sequence
from typing import Any, Final, cast

import click
from click.shell_completion import shell_complete

from homeroom import settings, text
from homeroom.cli.grammar import Group, Option, summary
from homeroom.cli.output import Output, Wants, speaks
from homeroom.errors import SettingsError
from homeroom.version import __version__

COMMANDS: Final = (
    "up",
    "run",
    "fit",
    "bench",
    "show",
    "pull",
    "list",
    "rm",
    "prune",
    "verify",
    "serve",
    "ps",
    "stop",
    "keys",
    "doctor",
    "completion",
)
"""In the order in which the help page tells them; each is the module of that name in ``commands``."""

COMPLETE: Final = "_HOMEROOM_COMPLETE"
"""The environment variable by which a shell asks for completions (see ``homeroom completion``)."""


class Root(Group):
    """``homeroom``: its commands are found by name and imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return cast("click.Command", importlib.import_module(f"homeroom.cli.commands.{cmd_name}").command)

    def summary_of(self, ctx: click.Context, name: str) -> str:
        return summary(f"help.{name}")


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        ctx.obj.show({"version": __version__}, [f"homeroom {__version__}"], [__version__])
        ctx.exit()


def root() -> Root:
    """A fresh root command."""
    version: dict[str, Any] = {"is_flag": True, "is_eager": True, "expose_value": False, "callback": _version}
    return Root("homeroom", params=[Option(["--version"], key="help.option.version", section="common", **version)])


def run(argv: Sequence[str]) -> int:
    """Run the command line *argv* and return the exit code."""
    wants = scan(argv)
    output = Output(wants)
    text.set_language(language(wants.lang, output))
    try:
        code = _invoke(argv, output)
        output.flush()
    except BaseException as caught:
        return output.fail(caught)
    return code


def _invoke(argv: Sequence[str], output: Output) -> int:
    # Not click's own main: it has ideas of its own about how a run ends.
    top = root()
    if instruction := os.environ.get(COMPLETE):
        return shell_complete(top, {}, "homeroom", COMPLETE, instruction)
    try:
        with top.make_context("homeroom", list(argv), obj=output) as context:
            code = top.invoke(context)
    except click.exceptions.Exit as left:  # a page or a version was all that was asked for
        return left.exit_code
    return code if isinstance(code, int) else 0


def scan(argv: Sequence[str]) -> Wants:
    """The common options in *argv*, before anything else is understood: an error needs its language and form too."""
    words = list(argv[: argv.index("--")] if "--" in argv else argv)
    lang = ""
    for word, following in itertools.pairwise([*words, ""]):
        if word == "--lang" or word.startswith("--lang="):
            lang = following if word == "--lang" else word.removeprefix("--lang=")
    return Wants(
        json="--json" in words,
        quiet="-q" in words or "--quiet" in words,
        verbose="-v" in words or "--verbose" in words,
        lang=lang if lang in text.LANGUAGES else "",
    )


def language(asked: str, output: Output) -> text.Language:
    """The language to speak: the flag's, the setting's, else the locale's; English where Chinese cannot be shown."""
    try:
        wanted = settings.load({"lang": asked or None}).lang or text.detect(os.environ)
    except SettingsError:  # told by the command itself, if it needs settings at all
        wanted = asked or text.detect(os.environ)
    if wanted == "zh" and not (speaks(output.stdout, "中文") and speaks(output.stderr, "中文")):
        return "en"
    return cast("text.Language", wanted)
