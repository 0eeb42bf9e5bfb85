"""``homeroom run``: ask a model once (a prompt as words or through a pipe), or talk with it on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.parameters import complete_models
from homeroom.errors import UnknownModel, UsageError
from homeroom.settings import Settings, load

if TYPE_CHECKING:
    from homeroom.cli.asking import Ask
    from homeroom.cli.voice import Voice
    from homeroom.engine.door import AsyncModel
    from homeroom.engine.replies import Reply


@grammar.command("run")
@grammar.argument("model", metavar="[MODEL]", required=False, shell_complete=complete_models)
@grammar.argument("words", metavar="[PROMPT]", nargs=-1)
@grammar.option("--system", metavar="TEXT", key="help.option.system")
@grammar.option("--temperature", metavar="N", type=click.FLOAT, key="help.option.temperature")
@grammar.option("--max-tokens", metavar="N", type=click.INT, key="help.option.max_tokens")
@grammar.option("--seed", metavar="N", type=click.INT, key="help.option.seed")
@grammar.option("--hide-thinking", is_flag=True, key="help.option.hide_thinking")
def command(
    out: Output, model: str | None, words: tuple[str, ...], system: str | None, hide_thinking: bool, **options: Any
) -> int:
    from homeroom.cli.asking import Ask
    from homeroom.cli.running import run_async

    settings = load()
    ask = Ask(system or "", {name: value for name, value in options.items() if value is not None})
    prompt = read_prompt(words)
    if prompt is None and (out.json or not out.stdout.isatty()):
        raise UsageError("cli.run.no_prompt")
    return run_async(_run(out, settings, model, prompt, ask, hide_thinking))


def read_prompt(words: tuple[str, ...]) -> str | None:
    """The words and what came through a pipe, a blank line between them; None for a conversation."""
    typed = " ".join(words)
    if sys.stdin is None or sys.stdin.isatty():
        return typed or None
    try:
        piped = sys.stdin.buffer.read().decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError("cli.run.not_utf8", at=error.start) from None
    prompt = "\n\n".join(part for part in (typed, piped) if part.strip())
    if not prompt:
        raise UsageError("cli.run.empty")
    return prompt


async def _run(
    out: Output, settings: Settings, model: str | None, prompt: str | None, ask: Ask, hide_thinking: bool
) -> int:
    from homeroom.cli.asking import watched
    from homeroom.cli.conversation import Conversation
    from homeroom.cli.voice import Voice
    from homeroom.engine.choose import can_chat
    from homeroom.engine.door import open_async
    from homeroom.engine.local import find_gateway

    name = await _found(out, settings, model or await _default(out, settings))
    gateway = await find_gateway(settings.home)
    voice = Voice(out, hide_thinking=hide_thinking)
    async with open_async(name, settings=settings, on_loading=voice.loading) as opened:
        if not can_chat(opened.facts) and not opened.facts.embeds_only:
            out.say(text.t("cli.only_completes", name=opened.facts.name))
        if prompt is None:
            return await Conversation(out, settings, opened, ask, gateway, hide_thinking=hide_thinking).hold()
        async with watched(gateway, opened.facts.name, voice.loading):
            await _once(out, opened, ask, prompt, voice)
    return 0


async def _once(out: Output, opened: AsyncModel, ask: Ask, prompt: str, voice: Voice) -> None:
    from homeroom.cli.asking import stream
    from homeroom.cli.voice import remark

    try:
        reply = await stream(opened, ask, (), prompt, (lambda piece: None) if out.json else voice.say)
    finally:
        voice.end()
    if out.json:
        out.show(_row(reply), ())
    remark(out, reply)


def _row(reply: Reply) -> dict[str, Any]:
    return {
        "model": reply.model,
        "text": reply.text,
        "thinking": reply.thinking,
        "finish_reason": reply.finish_reason,
        "usage": {
            "prompt_tokens": reply.usage.prompt,
            "cached_tokens": reply.usage.cached,
            "completion_tokens": reply.usage.completion,
        },
        "prefill_tokens_per_second": reply.prefill_rate,
        "decode_tokens_per_second": reply.decode_rate,
    }


async def _default(out: Output, settings: Settings) -> str:
    """The model to ask when none is named: the setting's, the running gateway's, else the best that fits."""
    from homeroom.engine.choose import choose
    from homeroom.engine.local import find_gateway
    from homeroom.engine.plan import Ask
    from homeroom.gateway import control
    from homeroom.hardware.machine import detect
    from homeroom.models.library import Library
    from homeroom.models.names import STARTER

    if settings.model:
        return settings.model
    running = await find_gateway(settings.home)
    if running is not None:
        default = (await control.status(running))["gateway"]["default_model"]
        if default:
            return str(default)
    chosen = choose(Library(settings).all()[0], detect(), Ask.from_settings(settings))
    if chosen is None:
        return STARTER
    out.say(text.t("cli.run.chosen", name=chosen.facts.name, reason=chosen.reason))
    return chosen.facts.name


async def _found(out: Output, settings: Settings, name: str) -> str:
    """*name*, once it is on this machine: on a terminal it is offered to fetch what is not."""
    from homeroom.cli.pulling import get
    from homeroom.engine.pull import GETTABLE
    from homeroom.errors import AmbiguousModel
    from homeroom.models.library import Library

    try:
        Library(settings).resolve(name)
    except (UnknownModel, AmbiguousModel) as error:
        if error.key not in GETTABLE or not out.asks(text.t("cli.run.pull", name=name)):
            raise
        await get(out, settings, name)
    return name
