"""One mapping from whatever a command raised to the error tree, and so to an exit code.

Knows click's exceptions and the interpreter's; does not write.
"""

from __future__ import annotations

import errno

import click

from homeroom import text
from homeroom.errors import DiskFull, HomeroomError, Interrupted, RuntimeFailure, StoreFailure, UsageError


class Defect(RuntimeFailure):
    """Something that homeroom did not expect: a defect of its own."""

    code = "defect"


def explain(caught: BaseException) -> HomeroomError:
    """*caught* as an error that has a sentence, a next command and an exit code."""
    if isinstance(caught, HomeroomError):
        return caught
    if isinstance(caught, KeyboardInterrupt | click.Abort):
        return Interrupted("cli.interrupted")
    if isinstance(caught, click.UsageError):
        return _usage(caught)
    if isinstance(caught, OSError) and caught.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("cli.disk_full", path=caught.filename or text.t("cli.a_file"))
    if isinstance(caught, OSError) and caught.filename is not None:
        return StoreFailure("cli.file", path=caught.filename, reason=caught.strerror or type(caught).__name__)
    return Defect("cli.defect", reason=f"{type(caught).__name__}: {caught}".rstrip(": "))


def is_defect(error: HomeroomError) -> bool:
    return isinstance(error, Defect)


def _usage(caught: click.UsageError) -> UsageError:
    command = caught.ctx.command_path if caught.ctx is not None else "homeroom"
    if isinstance(caught, click.NoSuchOption):
        close = ", ".join(sorted(caught.possibilities or ()))
        if close:
            return UsageError("cli.no_such_option_but", name=caught.option_name, close=close, command=command)
        return UsageError("cli.no_such_option", name=caught.option_name, command=command)
    if isinstance(caught, click.MissingParameter):
        return UsageError("cli.missing", name=_name(caught.param), command=command)
    if isinstance(caught, click.BadParameter):
        expected = _expected(caught.param)
        return UsageError("cli.bad_value", name=_name(caught.param), expected=expected, command=command)
    if isinstance(caught, click.BadOptionUsage):
        key = "cli.no_value" if _is_flag(caught) else "cli.needs_value"
        return UsageError(key, name=caught.option_name, command=command)
    return UsageError("cli.usage", reason=caught.format_message().rstrip("."), command=command)


def _name(parameter: click.Parameter | None) -> str:
    if parameter is None:
        return "?"
    if isinstance(parameter, click.Argument):
        return (parameter.metavar or parameter.name or "?").upper().strip("[].")
    return max(parameter.opts, key=len)


def _expected(parameter: click.Parameter | None) -> str:
    kind = parameter.type if parameter is not None else None
    if isinstance(kind, click.Choice):
        return " | ".join(str(choice) for choice in kind.choices)
    if isinstance(kind, click.types.FloatParamType):
        return text.t("cli.expected.number")
    if isinstance(kind, click.types.IntParamType):
        return text.t("cli.expected.integer")
    return text.t("cli.expected.other")


def _is_flag(caught: click.BadOptionUsage) -> bool:
    parameters = caught.ctx.command.params if caught.ctx is not None else []
    return any(
        isinstance(option, click.Option) and option.is_flag and caught.option_name in option.opts
        for option in parameters
    )
