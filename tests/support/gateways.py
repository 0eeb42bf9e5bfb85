"""A real gateway with real engines, in a thread of its own, and the chat templates of the models that tests use."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import ollama
import openai

from homeroom import settings
from homeroom.gateway.server import Server, open_port, serving
from homeroom.gateway.service import Service

T = TypeVar("T")

STUDENT = """\
{%- if tools %}
{{- '<|im_start|>system\\n' }}
{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
{{- "# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\nYou are provided with function \
signatures within <tools></tools> XML tags:\\n<tools>" }}
{%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}
{{- "\\n</tools>\\n\\nFor each function call, return a json object with function name and arguments within \
<tool_call></tool_call> XML tags:\\n<tool_call>\\n\
{\\"name\\": <function-name>, \\"arguments\\": <args-json-object>}\\n</tool_call><|im_end|>\\n" }}
{%- elif messages[0].role == 'system' %}
{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == "user" or (message.role == "system" and not loop.first) %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- elif message.role == "assistant" %}
{{- '<|im_start|>assistant' }}
{%- if message.reasoning_content and loop.last %}{{- '\\n<think>\\n' + message.reasoning_content + '\\n</think>\\n' }}{%- endif %}
{%- if message.content %}{{- '\\n' + message.content }}{%- endif %}
{%- for tool_call in message.tool_calls %}
{%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
{{- '\\n<tool_call>\\n{"name": "' }}{{- tool_call.name }}{{- '", "arguments": ' }}
{%- if tool_call.arguments is string %}{{- tool_call.arguments }}{%- else %}{{- tool_call.arguments | tojson }}{%- endif %}
{{- '}\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- elif message.role == "tool" %}
{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}"""

DISTILLED = """\
{% for message in messages %}{% if message['role'] == 'assistant' %}{% set content = message['content'] %}\
{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}\
{{ '<|im_start|>assistant\\n' + content + '<|im_end|>\\n' }}{% else %}\
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}"""

CONTEXT = 2048


@dataclass
class Running:
    """A gateway that serves. ``owner`` may administer, ``guest`` may only infer."""

    server: Server
    loop: asyncio.AbstractEventLoop
    owner: str
    guest: str
    home: Path
    _closing: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.base_url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def service(self) -> Service:
        return self.server.service

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of *work* on the gateway's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def http(self, key: str | None = None, **options: Any) -> httpx.Client:
        """A plain client that sends *key* (the owner's where none is given; ``""`` for none)."""
        key = self.owner if key is None else key
        headers = {"authorization": f"Bearer {key}"} if key else {}
        client = httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=60, **options)
        self._closing.append(client.close)
        return client

    def openai(self, key: str = "") -> openai.OpenAI:
        client = openai.OpenAI(base_url=f"{self.url}/v1", api_key=key or self.guest, max_retries=0, timeout=60)
        self._closing.append(client.close)
        return client

    def ollama(self, key: str = "") -> ollama.Client:
        client = ollama.Client(host=self.url, headers={"authorization": f"Bearer {key or self.guest}"}, timeout=60)
        self._closing.append(client.close)
        return client

    def slots(self, model: str = "starter") -> list[dict[str, Any]]:
        """The engine's own account of what it is doing; empty where the model is not loaded."""

        async def ask() -> Any:
            for engine in self.service.pool.loaded:
                if engine.facts.name == model and engine.plan.purpose == "generate" and engine.child.alive:
                    return await engine.client.get("/slots")
            return []

        return list(self.run(ask()))

    def busy(self, model: str = "starter") -> bool:
        return any(slot["is_processing"] for slot in self.slots(model))

    def leases(self) -> int:
        return sum(engine.leases for engine in self.service.pool.loaded)

    def pid(self, model: str = "starter") -> int:
        """The process that runs *model*."""
        return next(
            engine.child.pid
            for engine in self.service.pool.loaded
            if engine.facts.name == model and engine.plan.purpose == "generate"
        )

    def close_clients(self) -> None:
        while self._closing:
            self._closing.pop()()


def start(home: Path, folder: Path, flags: dict[str, Any] | None = None) -> Generator[Running]:
    """Serve in a thread until the generator goes on."""
    given = {"port": 0, "ctx": CONTEXT, "model_folders": (folder,), "stores": (), "max_body": 1_000_000}
    chosen = settings.load(given | (flags or {}), os.environ | {"HOMEROOM_HOME": str(home)})
    ready: threading.Event = threading.Event()
    found: list[Running] = []
    failed: list[BaseException] = []

    async def serve() -> None:
        async with serving(chosen, open_port("127.0.0.1", 0), default_model="starter") as server:
            keys = server.service.keys
            _, owner = keys.create("owner", frozenset({"inference", "admin"}))
            _, guest = keys.create("guest", frozenset({"inference"}))
            found.append(Running(server, asyncio.get_running_loop(), owner, guest, home))
            ready.set()
            await server.wait()

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work, name="gateway")
    thread.start()
    ready.wait(30)
    if failed:
        raise failed[0]
    running = found[0]
    try:
        yield running
    finally:
        running.close_clients()
        running.loop.call_soon_threadsafe(running.service.stop)
        thread.join(30)
    assert not thread.is_alive()
    if failed:
        raise failed[0]
