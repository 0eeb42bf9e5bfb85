"""``homeroom up``: from nothing to a running model behind a key, in the foreground."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.parameters import GATEWAY_SETTINGS, PULL_SETTINGS, setting_flags
from homeroom.errors import Interrupted
from homeroom.settings import Settings, load

if TYPE_CHECKING:
    from homeroom.cli.tables import Block
    from homeroom.engine.choose import Chosen
    from homeroom.engine.local import LocalGateway
    from homeroom.engine.plan import EnginePlan
    from homeroom.gateway.keys import Key, KeyRing
    from homeroom.gateway.server import Server

OWNER = "owner"


@grammar.command("up")
@setting_flags(*GATEWAY_SETTINGS, *PULL_SETTINGS)
def command(out: Output, **flags: str | None) -> int:
    from homeroom.cli.running import run_async

    return run_async(_up(out, load(flags), any(flags.values())), serves=True)


async def _up(out: Output, settings: Settings, asked: bool) -> int:
    """Ctrl-C before the model answers is an interruption (130); after that it is the normal end (0)."""
    from homeroom.engine.local import find_gateway
    from homeroom.gateway.server import open_port, serving

    running = await find_gateway(settings.home)
    if running is not None:
        await show_running(out, running, asked)
        return 0
    listener = open_port(settings.host, settings.port)  # a taken port is told before anything is fetched
    try:
        chosen = await _model(out, settings)
    except BaseException:
        listener.close()
        raise
    async with serving(settings, listener, default_model=chosen.facts.name, verbose=out.verbose) as server:
        plan = await _load(out, server, chosen)
        key, secret = _owner(server.service.keys)
        _ready(out, server, chosen, plan, key, secret)
        await server.wait()
        out.say(text.t("cli.up.stopping"))
    return 0


async def _model(out: Output, settings: Settings) -> Chosen:
    """The model to run: the one that is named, which is fetched where it is not here, else the best here, else the
    starter."""
    from homeroom.cli.progress import Bar
    from homeroom.cli.pulling import get
    from homeroom.engine.choose import Chosen, choose, named
    from homeroom.engine.plan import Ask
    from homeroom.hardware.machine import detect
    from homeroom.models.library import Library
    from homeroom.models.starter import pull_starter

    library = Library(settings)
    if settings.model:
        await get(out, settings, settings.model)
        chosen = named(library, settings)
    else:
        models, broken = library.all()
        for error in broken:
            out.warn(error.message)
        chosen = choose(models, detect(), Ask.from_settings(settings))
        if chosen is None and models:
            out.say(text.t("cli.up.none_fits", count=len(models)))
    if chosen is None:
        stored = await pull_starter(settings, progress=Bar(out))
        chosen = Chosen(library.find(stored.name), "choose.pulled")
    return chosen


async def _load(out: Output, server: Server, chosen: Chosen) -> EnginePlan:
    """Load the model now, so that the first question is answered at once. Raises Interrupted when asked to end."""
    import asyncio

    from homeroom.cli.progress import Bar
    from homeroom.engine.choose import purpose_of
    from homeroom.engine.plan import Ask, make_plan
    from homeroom.hardware.machine import detect

    facts, purpose = chosen.facts, purpose_of(chosen.facts)
    # What was asked for this model must be possible; the gateway itself clamps, for it has several models.
    make_plan(facts, detect(), Ask.from_settings(server.service.settings), purpose)
    bar = Bar(out)

    async def load_it() -> EnginePlan:
        async with server.service.pool.lease(facts, purpose, on_loading=bar.reach):
            return next(engine.plan for engine in server.service.pool.loaded if engine.facts.path == facts.path)

    bar.begin(text.t("cli.loading", name=facts.name), facts.file_bytes)
    loading, ended = asyncio.ensure_future(load_it()), asyncio.ensure_future(server.wait())
    try:
        await asyncio.wait({loading, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not loading.done():
            raise Interrupted("cli.interrupted")
        plan = loading.result()
        bar.reach(1.0)
        return plan
    finally:
        bar.done()
        loading.cancel()
        ended.cancel()
        await asyncio.gather(loading, ended, return_exceptions=True)


def _owner(keys: KeyRing) -> tuple[Key, str | None]:
    """The owner's key, with its secret if it has just been made."""
    from homeroom.gateway.keys import RIGHTS

    for key in keys.all():
        if key.name == OWNER and key.revoked_at is None:
            return key, None
    return keys.create(OWNER, frozenset(RIGHTS))


def _ready(out: Output, server: Server, chosen: Chosen, plan: EnginePlan, key: Key, secret: str | None) -> None:
    from homeroom.cli.examples import examples
    from homeroom.cli.tables import Facts
    from homeroom.engine.choose import can_chat

    facts = chosen.facts
    again = text.t("cli.up.key_again", id=key.id, name=key.name)
    shown = again if secret is None else f"{secret}  {text.t('cli.up.key_once')}"
    about = text.t("cli.up.model", name=facts.name, quantization=facts.quantization, reason=chosen.reason)
    context = text.t("cli.up.context", tokens=f"{plan.number('context'):,}", requests=plan.number("parallel"))
    rows = (
        (text.t("cli.label.address"), server.base_url),
        (text.t("cli.label.model"), about),
        (text.t("cli.label.context"), context),
        (text.t("cli.label.key"), shown),
    )
    blocks: list[Block] = [Facts(text.t("cli.up.ready"), rows)]
    if not can_chat(facts):
        blocks.append(text.t("cli.only_embeds" if facts.embeds_only else "cli.only_completes", name=facts.name))
    for example in examples(server.base_url, facts, secret):
        blocks += [f"\n{text.t(example.title)}", example.code]
    blocks.append(f"\n{text.t('cli.up.stop')}")
    data = {
        "base_url": server.base_url,
        "key": secret,
        "key_id": key.id,
        "model": facts.name,
        "reason": chosen.reason_key,
        "pid": os.getpid(),
        "already_running": False,
    }
    out.show(data, blocks, [server.base_url, *([secret] if secret else [])])
    out.flush()


async def show_running(out: Output, running: LocalGateway, asked: bool) -> None:
    """Tell where the gateway is that runs already. *asked*: settings were given, which it does not take."""
    from homeroom.gateway import control

    about = (await control.status(running))["gateway"]
    if asked:
        out.warn(text.t("cli.up.flags_ignored"))
    data = {
        "base_url": running.base_url,
        "key": None,
        "key_id": None,
        "model": about["default_model"],
        "pid": running.pid,
        "already_running": True,
    }
    out.show(data, [text.t("cli.up.running", url=running.base_url, pid=running.pid)], [running.base_url])
