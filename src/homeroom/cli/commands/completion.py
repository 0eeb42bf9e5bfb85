"""``homeroom completion``: the script that teaches a shell to complete homeroom's commands, options and models."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from homeroom.cli import grammar
from homeroom.cli.output import Output

SHELLS = ("bash", "zsh", "fish")


@grammar.command("completion")
@grammar.argument("shell", metavar="|".join(SHELLS), type=click.Choice(SHELLS))
def command(out: Output, shell: str) -> None:
    from homeroom.cli.app import COMPLETE, root

    kind = get_completion_class(shell)
    assert kind is not None
    maker = kind(root(), {}, "homeroom", COMPLETE)
    # Not source(): for bash that starts one to ask its version.
    script = maker.source_template % maker.source_vars()
    out.show({"shell": shell, "script": script}, [script.strip()])
