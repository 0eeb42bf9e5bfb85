"""click's commands, options and help pages as homeroom has them: every word from the catalogue, in either language.

Knows how a command line is written down and explained; does not know what a command does. The common options
(``--json``, ``--lang``, ``-v``, ``-q``) belong to every command, so they are accepted before and after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal, TypeVar

import click
from click.shell_completion import CompletionItem

from homeroom import text
from homeroom.cli.layout import columns, wrap
from homeroom.errors import UsageError
from homeroom.text import LANGUAGES

Section = Literal["options", "settings", "common"]
SECTIONS: Final[tuple[Section, ...]] = ("options", "settings", "common")
WANTS: Final = "homeroom.wants"
"""Where in ``click.Context.meta`` the common options that were given are collected."""
Callback = TypeVar("Callback", bound=Callable[..., Any])


class Formatter(click.HelpFormatter):
    """Help pages that know how wide Chinese is and where it may be broken."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, text.t("help.heading.usage") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{heading}\n")

    def write_text(self, text: str) -> None:
        indent = " " * self.current_indent
        for line in wrap(text, self.width - self.current_indent):
            self.write(f"{indent}{line}".rstrip() + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 26, col_spacing: int = 2) -> None:
        entries = list(rows)
        first = min(max(columns(term) for term, _ in entries), col_max) + col_spacing
        indent = " " * self.current_indent
        for term, meaning in entries:
            lines = wrap(meaning, max(20, self.width - first - self.current_indent))
            if columns(term) > first - col_spacing:
                self.write(f"{indent}{term}\n")
            else:
                self.write(f"{indent}{term}{' ' * (first - columns(term))}{lines.pop(0)}\n")
            self.write("".join(f"{indent}{' ' * first}{line}\n" for line in lines))


class Context(click.Context):
    formatter_class = Formatter


class Option(click.Option):
    """An option whose help is the message *key*."""

    def __init__(
        self, param_decls: Sequence[str], *, key: str, section: Section = "options", **attributes: Any
    ) -> None:
        super().__init__(param_decls, **attributes)
        self.key = key
        self.section = section

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        return None if record is None else (record[0], text.t(self.key))


class Command(click.Command):
    """A command. Its help is the message ``help.NAME`` (NAME with ``_`` for each space in it)."""

    context_class = Context

    def __init__(self, name: str, *, key: str = "", **attributes: Any) -> None:
        super().__init__(name, add_help_option=False, **attributes)
        self.key = key or f"help.{name}"
        self.params.extend(common_options())
        # Words too many are told in our own sentence, see ``invoke``.
        self.allow_extra_args = True

    def invoke(self, ctx: click.Context) -> Any:
        if ctx.args:
            raise UsageError("cli.extra_words", words=" ".join(ctx.args), command=ctx.command_path)
        ctx.obj.settle(ctx.meta.get(WANTS, {}))
        return super().invoke(ctx)

    def get_short_help_str(self, limit: int = 45) -> str:
        return summary(self.key)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_help_text(self.key, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)


class Group(click.Group):
    """A command of commands; alone it shows its help."""

    context_class = Context
    command_class = Command

    def __init__(self, name: str, *, key: str = "", **attributes: Any) -> None:
        super().__init__(
            name,
            callback=_alone,
            add_help_option=False,
            invoke_without_command=True,
            subcommand_metavar="COMMAND ...",
            **attributes,
        )
        self.key = key or f"help.{name}"
        self.params.extend(common_options())

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        found = self.get_command(ctx, args[0])
        if found is None and not ctx.resilient_parsing and not args[0].startswith("-"):
            raise unknown_command(args[0], self.list_commands(ctx), ctx.command_path)
        return super().resolve_command(ctx, args) if found is None else (args[0], found, args[1:])

    def get_short_help_str(self, limit: int = 45) -> str:
        return summary(self.key)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_help_text(self.key, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(text.t("help.heading.commands")):
            formatter.write_dl([(name, self.summary_of(ctx, name)) for name in self.list_commands(ctx)])

    def summary_of(self, ctx: click.Context, name: str) -> str:
        """The one line about the command *name*."""
        found = self.get_command(ctx, name)
        return found.get_short_help_str() if found is not None else ""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        found = [CompletionItem(name, help=self.summary_of(ctx, name)) for name in names]
        return found + click.Command.shell_complete(self, ctx, incomplete)


@click.pass_context
def _alone(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        ctx.obj.page(ctx.get_help())


def unknown_command(name: str, known: list[str], path: str) -> UsageError:
    """The error for a command that does not exist, with those that look like it."""
    import difflib

    close = difflib.get_close_matches(name, known, n=3)
    if close:
        return UsageError("cli.no_such_command_but", name=name, close=", ".join(close), command=path)
    return UsageError("cli.no_such_command", name=name, command=path)


# ---- help pages


def summary(key: str) -> str:
    """The first line of a command's help."""
    return text.t(key).partition("\n")[0]


def write_help_text(key: str, formatter: click.HelpFormatter) -> None:
    formatter.write_paragraph()
    formatter.write_text(text.t(key))


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """The options of *command* by section: its own, settings, the common ones."""
    options = [option for option in command.get_params(ctx) if isinstance(option, Option)]
    for section in SECTIONS:
        records = [option.get_help_record(ctx) for option in options if option.section == section]
        rows = [record for record in records if record is not None]
        if rows:
            with formatter.section(text.t(f"help.heading.{section}")):
                formatter.write_dl(rows)


# ---- the common options


def common_options() -> list[Option]:
    """Fresh instances of what every command takes."""
    flag: dict[str, Any] = {"is_flag": True, "expose_value": False, "is_eager": True, "section": "common"}
    languages = click.Choice(LANGUAGES)
    return [
        Option(["--json"], key="help.option.json", callback=_want, **flag),
        Option(["-q", "--quiet"], key="help.option.quiet", callback=_want, **flag),
        Option(["-v", "--verbose"], key="help.option.verbose", callback=_want, **flag),
        Option(["--lang"], key="help.option.lang", callback=_want, **flag | {"is_flag": False, "type": languages}),
        Option(["-h", "--help"], key="help.option.help", callback=_help, **flag),
    ]


def _want(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
    if value:
        ctx.meta.setdefault(WANTS, {})[parameter.name] = value


def _help(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        ctx.obj.page(ctx.get_help())
        ctx.exit()


# ---- how commands are declared


def command(name: str, *, key: str = "", **attributes: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command. It is called with the Output and its parameters, and returns an exit code or None."""

    def decorate(function: Callable[..., Any]) -> Command:
        return click.command(name, cls=Command, key=key, **attributes)(click.pass_obj(function))

    return decorate


def option(*declarations: str, key: str, **attributes: Any) -> Callable[[Callback], Callback]:
    """Declare an option whose help is the message *key*."""
    return click.option(*declarations, cls=Option, key=key, **attributes)


argument = click.argument
