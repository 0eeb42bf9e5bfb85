"""Talking with a model on a terminal: history, several lines, slash commands; Ctrl-C stops the answer alone.

Knows the terminal (prompt_toolkit) and the conversation's messages; does not know how a model answers.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from homeroom import text
from homeroom.cli.asking import Ask, stream, watched
from homeroom.cli.commands.show import header
from homeroom.cli.output import Output
from homeroom.cli.tables import render
from homeroom.cli.voice import Voice, remark
from homeroom.engine.choose import can_chat
from homeroom.engine.door import AsyncModel
from homeroom.engine.local import LocalGateway
from homeroom.engine.replies import Reply
from homeroom.errors import HomeroomError
from homeroom.settings import Settings

QUOTES: Final = '"""'


class Conversation:
    """One conversation. ``hold`` returns the exit code when the person leaves."""

    def __init__(
        self,
        out: Output,
        settings: Settings,
        model: AsyncModel,
        ask: Ask,
        gateway: LocalGateway | None,
        *,
        hide_thinking: bool,
    ) -> None:
        self._out, self._settings, self._model, self._ask = out, settings, model, ask
        self._gateway, self._hide_thinking = gateway, hide_thinking
        self._messages: list[dict[str, Any]] = []

    async def hold(self) -> int:
        session = self._session()
        self._out.say(text.t("cli.chat.hint", name=self._model.facts.name))
        while True:
            try:
                line = unquoted(await session.prompt_async(">>> ", prompt_continuation="... "))
            except KeyboardInterrupt:
                self._out.say(text.t("cli.chat.leave"))
                continue
            except EOFError:  # Ctrl-D
                return 0
            if line in ("/bye", "/exit", "/quit"):
                return 0
            if line.startswith("/") and "\n" not in line:
                self._command(line)
            elif line.strip():
                await self._turn(line)

    async def _turn(self, prompt: str) -> None:
        """One question and its answer. What was said before a Ctrl-C stays part of the conversation."""
        voice = Voice(self._out, hide_thinking=self._hide_thinking)
        answer = asyncio.ensure_future(self._answer(prompt, voice))
        with _ctrl_c(answer):
            await asyncio.wait({answer})
        voice.end()
        if answer.cancelled():
            self._out.say(text.t("cli.chat.stopped"))
            self._remember(prompt, voice.said)
        elif isinstance(error := answer.exception(), HomeroomError):
            self._out.blame(error)
        else:
            reply = answer.result()
            self._remember(prompt, reply.text)
            remark(self._out, reply)

    async def _answer(self, prompt: str, voice: Voice) -> Reply:
        history = self._messages if can_chat(self._model.facts) else []
        async with watched(self._gateway, self._model.facts.name, voice.loading):
            return await stream(self._model, self._ask, history, prompt, voice.say)

    def _remember(self, prompt: str, answer: str) -> None:
        if answer:
            self._messages += [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]

    def _command(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        if name == "/clear":
            self._messages.clear()
            self._out.say(text.t("cli.chat.cleared"))
        elif name == "/system":
            self._ask.system = rest.strip()
            self._out.say(text.t("cli.chat.system" if self._ask.system else "cli.chat.no_system"))
        elif name == "/show":
            self._out.write(render(header(self._model.facts), self._out.stdout, False))
        elif name in ("/help", "/?"):
            self._out.write(text.t("cli.chat.help") + "\n")
        else:
            self._out.say(text.t("cli.chat.unknown", name=name))

    def _session(self) -> PromptSession[str]:
        history = self._settings.home / "history"
        history.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(history, os.O_WRONLY | os.O_CREAT, 0o600))
        return PromptSession(history=FileHistory(history), multiline=True, key_bindings=_keys())


def _keys() -> KeyBindings:
    """Enter sends, except within quotes; Alt-Enter begins a new line."""
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        if open_quotes(event.current_buffer.text):
            event.current_buffer.insert_text("\n")
        else:
            event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def open_quotes(typed: str) -> bool:
    '''Whether *typed* begins with """ and has not been closed by another.'''
    begun = typed.strip()
    return begun.startswith(QUOTES) and (len(begun) < 2 * len(QUOTES) or not begun.endswith(QUOTES))


def unquoted(typed: str) -> str:
    '''*typed* without the """ around it.'''
    begun = typed.strip()
    if begun.startswith(QUOTES) and begun.endswith(QUOTES) and len(begun) >= 2 * len(QUOTES):
        return begun.removeprefix(QUOTES).removesuffix(QUOTES).strip("\n")
    return typed.strip()


@contextmanager
def _ctrl_c(answer: asyncio.Task[Reply]) -> Iterator[None]:
    """While the block runs, Ctrl-C cancels *answer* and nothing else."""
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGINT)
    try:
        loop.add_signal_handler(signal.SIGINT, answer.cancel)
    except NotImplementedError:  # Windows: Ctrl-C ends the conversation
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before if callable(before) else signal.default_int_handler)
