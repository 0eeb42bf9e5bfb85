"""``homeroom serve``: the gateway, in the foreground or in the background; engines start when they are asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.commands.up import show_running
from homeroom.cli.output import Output
from homeroom.cli.parameters import GATEWAY_SETTINGS, given, setting_flags
from homeroom.settings import Settings, load

if TYPE_CHECKING:
    from pathlib import Path


@grammar.command("serve")
@grammar.option("--background", is_flag=True, key="help.option.background")
@setting_flags(*GATEWAY_SETTINGS)
def command(out: Output, background: bool, **flags: str | None) -> int:
    from homeroom.cli.running import run_async

    settings = load(flags)
    work = _in_background(out, settings, given(flags)) if background else _serve(out, settings, any(flags.values()))
    return run_async(work, serves=True)


async def _serve(out: Output, settings: Settings, asked: bool) -> int:
    from homeroom.engine.local import find_gateway
    from homeroom.gateway.server import open_port, serving
    from homeroom.models.library import Library

    running = await find_gateway(settings.home)
    if running is not None:
        await show_running(out, running, asked)
        return 0
    if settings.model:
        Library(settings).find(settings.model)  # a name that means nothing is told now, not to the first client
    listener = open_port(settings.host, settings.port)
    async with serving(settings, listener, default_model=settings.model, verbose=out.verbose) as server:
        if not any(key.revoked_at is None for key in server.service.keys.all()):
            out.say(text.t("cli.serve.no_keys"))
        _show(out, server.base_url, os.getpid(), settings.logs / "gateway.log", background=False)
        await server.wait()
        out.say(text.t("cli.up.stopping"))
    return 0


async def _in_background(out: Output, settings: Settings, words: list[str]) -> int:
    from homeroom.engine.local import find_gateway
    from homeroom.gateway import background

    running = await find_gateway(settings.home)
    if running is not None:
        await show_running(out, running, bool(words))
        return 0
    started = await background.start(settings, words, verbose=out.verbose)
    _show(out, started.base_url, started.pid, background.log_path(settings), background=True)
    return 0


def _show(out: Output, base_url: str, pid: int, log: Path, *, background: bool) -> None:
    data = {"base_url": base_url, "pid": pid, "log": str(log), "background": background, "already_running": False}
    key = "cli.serve.background" if background else "cli.serve.foreground"
    out.show(data, [text.t(key, url=base_url, pid=pid, log=log)], [base_url])
    out.flush()
