"""Parameters that several commands have: a MODEL with its completions, and a flag for each setting.

Knows how they are declared; does not know what they do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from homeroom.cli.grammar import argument, option
from homeroom.settings import SETTINGS, Setting

Callback = TypeVar("Callback", bound=Callable[..., Any])

METAVARS: Final = {
    "host": "ADDRESS",
    "port": "N",
    "model": "MODEL",
    "model_folders": "FOLDERS",
    "ctx": "TOKENS",
    "parallel": "N",
    "threads": "N",
    "kv_type": "TYPE",
    "memory": "BYTES",
    "idle_unload": "SECONDS",
    "engine_wait": "SECONDS",
    "max_body": "BYTES",
    "max_header": "BYTES",
    "index_url": "URL",
    "hf_endpoint": "URL",
    "modelscope_endpoint": "URL",
    "ollama_registry": "URL",
    "sources": "LIST",
    "stores": "LIST",
    "connections": "N",
    "limit_rate": "BYTES",
}
HUB_SETTINGS: Final = ("hf_endpoint", "modelscope_endpoint", "ollama_registry")
"""Where a model that is elsewhere is looked up."""
PULL_SETTINGS: Final = ("index_url", *HUB_SETTINGS, "sources", "connections", "limit_rate")
"""Where a model is fetched from, and how."""
GATEWAY_SETTINGS: Final = tuple(setting.name for setting in SETTINGS if setting.name not in ("lang", *PULL_SETTINGS))
"""What a gateway can be told: everything but the language, which every command takes, and where to fetch from."""


def setting_flags(*names: str) -> Callable[[Callback], Callback]:
    """A flag for each of these settings. Their values are parsed and refused by ``settings.load``, not by click."""
    chosen = [setting for setting in SETTINGS if setting.name in names]

    def decorate(function: Callback) -> Callback:
        for setting in reversed(chosen):
            function = _flag(setting)(function)
        return function

    return decorate


def _flag(setting: Setting) -> Callable[[Callback], Callback]:
    completions = complete_models if setting.name == "model" else None
    return option(
        setting.flag,
        setting.name,
        key=f"settings.{setting.name}",
        section="settings",
        metavar=METAVARS[setting.name],
        default=None,
        shell_complete=completions,
    )


def given(flags: dict[str, str | None]) -> list[str]:
    """The flags that were given, as they are typed."""
    return [
        word for name, value in flags.items() if value is not None for word in (f"--{name.replace('_', '-')}", value)
    ]


def model_argument(*, required: bool = True) -> Callable[[Callback], Callback]:
    """The MODEL of a command, completed with the names that are on this machine."""
    return argument("model", metavar="MODEL", required=required, shell_complete=complete_models)


def complete_models(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of models here that begin with *incomplete*, without opening any; else whatever file the shell finds."""
    from homeroom.errors import HomeroomError
    from homeroom.models.library import Library
    from homeroom.settings import load

    try:
        names = Library(load()).known()
    except HomeroomError:  # a completion has no place to tell it; the command itself will
        names = []
    found = [CompletionItem(name) for name in sorted(names) if name.lower().startswith(incomplete.lower())]
    return found or [CompletionItem(incomplete, type="file")]
