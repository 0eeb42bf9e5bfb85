"""``homeroom stop``: unload a model from the running gateway, or end the gateway."""

from __future__ import annotations

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.parameters import model_argument
from homeroom.errors import UsageError
from homeroom.settings import Settings, load


@grammar.command("stop")
@model_argument(required=False)
@grammar.option("--all", "everything", is_flag=True, key="help.option.all")
def command(out: Output, model: str | None, everything: bool) -> int:
    from homeroom.cli.running import run_async

    if everything == (model is not None):
        raise UsageError("cli.stop.which")
    settings = load()
    run_async(_end(out, settings) if model is None else _unload(out, settings, model))
    return 0


async def _end(out: Output, settings: Settings) -> None:
    from homeroom.gateway import control

    gateway = await control.running_gateway(settings.home)
    await control.end(gateway, settings.home)
    out.show({"stopped": "gateway", "pid": gateway.pid}, [text.t("cli.stop.gateway", pid=gateway.pid)], [])


async def _unload(out: Output, settings: Settings, model: str) -> None:
    from homeroom.gateway import control
    from homeroom.models.library import Library

    gateway = await control.running_gateway(settings.home)
    name = Library(settings).find(model).name
    count = await control.unload(gateway, name)
    key = "cli.stop.model" if count else "cli.stop.not_loaded"
    out.show({"stopped": name, "engines": count}, [text.t(key, name=name)], [])
