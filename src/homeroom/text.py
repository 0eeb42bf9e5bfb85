"""The message catalogue: every sentence that a user reads, in English and in Chinese.

Knows the current language and where a message lives; does not know who prints it.
A message's key is ``area.name``; it lives in ``homeroom/messages/area.py`` as ``(English, Chinese)``,
so an area is loaded only when one of its sentences is needed. For an error ``area.name`` the sentence
that tells what to type next is ``area.name.next``.
"""

from __future__ import annotations

import importlib
import locale
import os
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal, cast

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")

_language: ContextVar[Language | None] = ContextVar("homeroom_language", default=None)
_default: Language | None = None


def language() -> Language:
    """The language of this context: what was set, else what the environment asks for, else English."""
    chosen = _language.get() or _default
    return chosen if chosen is not None else detect(os.environ)


def set_language(value: Language) -> None:
    """Set the language of this process (``--lang``, ``HOMEROOM_LANG``, ``lang`` in config.toml)."""
    global _default
    _default = value


def detect(environment: Mapping[str, str]) -> Language:
    """The language that *environment* asks for: HOMEROOM_LANG, then the POSIX locale variables."""
    for name in ("HOMEROOM_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    try:
        return "zh" if (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese")) else "en"
    except ValueError:  # a locale name that the C library knows and Python does not
        return "en"


def catalogue(area: str) -> dict[str, tuple[str, str]]:
    """The messages of one area; raises ModuleNotFoundError for an area that does not exist."""
    module = importlib.import_module(f"homeroom.messages.{area}")
    return cast("dict[str, tuple[str, str]]", module.MESSAGES)


def has(key: str) -> bool:
    """Whether the catalogue holds *key*."""
    return key in catalogue(key.partition(".")[0])


def t(key: str, /, **facts: object) -> str:
    """The sentence *key* in the current language, with *facts* put in. Raises KeyError for an unknown key."""
    english, chinese = catalogue(key.partition(".")[0])[key]
    sentence = chinese if language() == "zh" else english
    return sentence.format(**facts) if facts else sentence.replace("{{", "{").replace("}}", "}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A message with the facts that fill it, kept to be told later, in whichever language: ``str(sentence)``."""

    key: str
    facts: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        return t(self.key, **dict(self.facts))


def sentence(key: str, /, **facts: object) -> Sentence:
    """The Sentence *key* with its *facts*."""
    return Sentence(key, tuple(facts.items()))


def size(count: float) -> str:
    """Bytes as people see them: GB = 10^9 bytes (``98.4 MB``). One rule for every command."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 999.95 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def duration(seconds: float) -> str:
    """A length of time as people see it: ``0.4 s``, ``1 min 20 s``, ``2 h 05 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def count(number: int) -> str:
    """A number of parameters: ``135 M``, ``7.6 B``."""
    for size, unit in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            value = number / size
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return str(number)
