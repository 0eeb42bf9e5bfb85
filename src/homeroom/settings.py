"""Configuration and folders: one name for a setting in config.toml, environment and flag.

Knows where a user's files live and how a setting is found (flag, then ``HOMEROOM_NAME``, then config.toml,
then the default). Does not know what a setting is used for.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from homeroom import text
from homeroom.errors import SettingsError

KV_TYPES: Final = ("auto", "f16", "q8_0", "q4_0")
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
SOURCES: Final = ("hf", "ms", "ollama")
STORES: Final = ("ollama", "lmstudio", "huggingface", "llama.cpp", "modelscope")
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}
_SIZE: Final = re.compile(r"([0-9][0-9_]{0,20}(?:\.[0-9]{1,9})?)\s*([kmg]i?)?b?(?:/s)?", re.IGNORECASE)


def _number(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        number = int(str(value).replace("_", "")) if not isinstance(value, bool) else None
        if number is None or not low <= number <= high:
            raise ValueError
        return number

    return parse


def _choice(*allowed: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in allowed:
            raise ValueError
        return str(value)

    return parse


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def size_in_bytes(words: object) -> int:
    """Bytes: ``5000000``, ``5MB`` (a thousand to the k), ``5 MiB``. Raises ValueError for what is no size."""
    match = _SIZE.fullmatch(str(words).strip()) if not isinstance(words, bool) else None
    if match is None:
        raise ValueError
    return round(float(match[1].replace("_", "")) * _UNITS[(match[2] or "").lower()])


def _size(high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        size = size_in_bytes(value)
        if not 0 <= size <= high:
            raise ValueError
        return size

    return parse


def _words(*known: str, none: bool = False) -> Callable[[Any], tuple[str, ...]]:
    """Some of *known*, each once, in the order given; with *none* the word ``none`` is an empty list."""

    def parse(value: Any) -> tuple[str, ...]:
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
            raise ValueError
        words = tuple(dict.fromkeys(part.strip().lower() for part in parts))
        if none and words in ((), ("none",)):
            return ()
        if not words or not set(words) <= set(known):
            raise ValueError
        return words

    return parse


def _folders(value: Any) -> tuple[Path, ...]:
    parts = value.split(os.pathsep) if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str | Path) for part in parts):
        raise ValueError
    return tuple(Path(part).expanduser() for part in parts if str(part))


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. Its help is the message ``settings.NAME``."""

    name: str
    default: Any
    parse: Callable[[Any], Any]
    values: str = ""
    """Where they are words of no language; else what is allowed is the message ``settings.NAME.allowed``."""

    @property
    def allowed(self) -> str:
        """What is shown when a value is refused."""
        return self.values or text.t(f"settings.{self.name}.allowed")

    @property
    def env(self) -> str:
        return f"HOMEROOM_{self.name.upper()}"

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("lang", "", _choice("", "en", "zh"), "en | zh"),
    Setting("host", "127.0.0.1", _choice(*LOOPBACK), " | ".join(LOOPBACK)),
    Setting("port", 11435, _number(0, 65535)),
    Setting("model", "", _text, "MODEL"),
    Setting("model_folders", (), _folders, "FOLDER[:FOLDER...]"),
    Setting("ctx", 0, _number(0, 16_777_216)),
    Setting("parallel", 0, _number(0, 256)),
    Setting("threads", 0, _number(0, 1024)),
    Setting("kv_type", "auto", _choice(*KV_TYPES), " | ".join(KV_TYPES)),
    Setting("memory", 0, _number(0, 1 << 60)),
    Setting("idle_unload", 1800, _number(0, 31_536_000)),
    Setting("engine_wait", 120, _number(1, 86_400)),
    Setting("max_body", 20_000_000, _number(1024, 1 << 40)),
    Setting("max_header", 32_768, _number(1024, 1 << 20)),
    Setting("index_url", "", _text),
    Setting("hf_endpoint", "", _text),
    Setting("modelscope_endpoint", "", _text),
    Setting("ollama_registry", "", _text),
    Setting("sources", SOURCES, _words(*SOURCES)),
    Setting("stores", STORES, _words(*STORES, none=True)),
    Setting("connections", 4, _number(1, 32), "1..32"),
    Setting("limit_rate", 0, _size(1 << 50)),
)
_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting's value, and where each came from (``flag``, ``environment``, ``config.toml``, ``default``)."""

    home: Path
    lang: str
    host: str
    port: int
    model: str
    model_folders: tuple[Path, ...]
    ctx: int
    parallel: int
    threads: int
    kv_type: str
    memory: int
    idle_unload: int
    engine_wait: int
    max_body: int
    max_header: int
    index_url: str
    hf_endpoint: str
    modelscope_endpoint: str
    ollama_registry: str
    sources: tuple[str, ...]
    stores: tuple[str, ...]
    connections: int
    limit_rate: int
    origin: Mapping[str, str]

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def database(self) -> Path:
        return self.home / "homeroom.db"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def config(self) -> Path:
        return self.home / "config.toml"


def home_folder(environment: Mapping[str, str]) -> Path:
    """``$HOMEROOM_HOME``, else the platform's data folder. Raises SettingsError where that names no folder."""
    given = environment.get("HOMEROOM_HOME", "")
    if given:
        try:
            return Path(given).expanduser().absolute()
        except (RuntimeError, OSError) as error:  # nobody of that name, or a working folder that is gone
            raise SettingsError("ground.bad_home", path=given, reason=str(error).rstrip(".")) from None
    import platformdirs

    return Path(platformdirs.user_data_dir("homeroom", appauthor=False))


def prepare(home: Path) -> None:
    """Make the folder *home*, for its owner alone; one that others may write to is closed to them.

    Raises SettingsError where it cannot be made, or belongs to somebody else who could then read what is in it.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = home.stat()
        if hasattr(os, "getuid") and os.getuid() not in (0, status.st_uid):
            raise SettingsError("ground.foreign_home", path=home)
        if os.name == "posix" and status.st_mode & 0o077:
            home.chmod(0o700)
    except OSError as error:
        raise SettingsError("ground.bad_home", path=home, reason=error.strerror) from None


def load(flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises SettingsError for an unreadable config.toml, an unknown name or a bad value.

    *flags* holds what was given on the command line, by setting name; None means not given.
    """
    environment = os.environ if environment is None else environment
    home = home_folder(environment)
    written = _read(home / "config.toml")
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for setting in SETTINGS:
        where, raw, shown = "default", setting.default, setting.name
        if setting.name in written:
            where, raw, shown = "config.toml", written[setting.name], setting.name
        if environment.get(setting.env):
            where, raw, shown = "environment", environment[setting.env], setting.env
        if flags and flags.get(setting.name) is not None:
            where, raw, shown = "flag", flags[setting.name], setting.flag
        try:
            values[setting.name] = setting.parse(raw)
        except (ValueError, TypeError, RuntimeError):  # the last is of a user whose home is not known
            raise SettingsError("ground.bad_setting", name=shown, value=raw, allowed=setting.allowed) from None
        origin[setting.name] = where
    return Settings(home=home, origin=origin, **values)


def _read(path: Path) -> dict[str, Any]:
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError("ground.bad_config", path=path, reason=error) from None
    for name in written:
        if name not in _BY_NAME:
            raise SettingsError("ground.unknown_setting", path=path, name=name, known=", ".join(sorted(_BY_NAME)))
    return written
