"""A report on this installation: versions, machine, folders, settings, gateway, models, and what is wrong with them.

Knows where to look on every floor; shows nothing. Holds no secret: addresses are shown without credentials, and no key
is read. What is wrong is told by the errors of the tree, so each has its sentence and the command that mends it.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import platform
import re
import stat
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from homeroom import text
from homeroom.engine.local import LocalGateway, find_gateway, socket_path
from homeroom.errors import DiskFull, EngineStartFailed, HomeroomError, RuntimeFailure, StoreFailure
from homeroom.hardware.machine import Machine, detect
from homeroom.models.disk import free_bytes
from homeroom.models.library import Library
from homeroom.settings import SETTINGS, Settings, home_folder, load
from homeroom.version import __version__

ENGINE_SECONDS: Final = 30.0
LITTLE_SPACE: Final = 500_000_000
"""Bytes of free disk below which the starter model and its wheel no longer fit with ease."""
_ASK_ENGINE: Final = """
import json, xllamacpp
devices = [{"name": d["name"], "description": d["description"]} for d in xllamacpp.get_device_info()]
print(json.dumps({"version": xllamacpp.__version__, "devices": devices, "system": xllamacpp.get_system_info()}))
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine as a child process found it, so that an abort of its code is a finding and not our end."""

    version: str | None
    devices: tuple[str, ...] = ()
    system: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """One place of the user's: ``bytes`` it holds, ``free`` ones on its disk, its permissions as ``0700``."""

    name: str
    path: Path
    exists: bool
    mode: str
    bytes: int
    free: int


@dataclass(frozen=True, slots=True)
class Index:
    """One package index and what it said; never with credentials."""

    address: str
    answer: str


@dataclass(slots=True)
class Report:
    """Everything that was found. ``problems`` is empty where all is well."""

    versions: dict[str, str]
    engine: Engine
    machine: Machine
    folders: tuple[Folder, ...]
    settings: tuple[tuple[str, str, str], ...]
    """Name, value as it may be shown, origin."""
    gateway: LocalGateway | None
    port_free: bool | None
    """None while a gateway of this home has it."""
    models: tuple[tuple[str, int], ...]
    """Names and sizes in bytes."""
    indexes: tuple[Index, ...] | None = None
    """None: the network was not asked."""
    problems: list[HomeroomError] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "versions": self.versions,
            "engine": asdict(self.engine),
            "machine": asdict(self.machine),
            "folders": [asdict(folder) | {"path": str(folder.path)} for folder in self.folders],
            "settings": {name: {"value": value, "origin": origin} for name, value, origin in self.settings},
            "gateway": {"base_url": self.gateway.base_url, "pid": self.gateway.pid} if self.gateway else None,
            "port_free": self.port_free,
            "models": [{"name": name, "bytes": size} for name, size in self.models],
            "indexes": None if self.indexes is None else [asdict(index) for index in self.indexes],
            "problems": [{"code": p.code, "message": p.message, "next": p.next} for p in self.problems],
            "ok": not self.problems,
        }


async def examine(*, network: bool = False) -> Report:
    """Look at everything. Only with *network* is anything outside this machine asked."""
    problems: list[HomeroomError] = []
    settings = _settings(problems)
    engine = await _engine(problems)
    gateway = await find_gateway(settings.home)
    return Report(
        versions=_versions(problems),
        engine=engine,
        machine=detect(devices=True),
        folders=_folders(settings, problems),
        settings=_shown(settings),
        gateway=gateway,
        port_free=_port(settings, problems) if gateway is None else None,
        models=_models(settings, problems),
        indexes=await _indexes(settings, problems) if network else None,
        problems=problems,
    )


def _settings(problems: list[HomeroomError]) -> Settings:
    """The settings; their defaults where they cannot be read, so that the rest can still be looked at."""
    try:
        return load()
    except HomeroomError as error:
        problems.append(error)
    values = {setting.name: setting.parse(setting.default) for setting in SETTINGS}
    return Settings(home=home_folder(os.environ), origin=dict.fromkeys(values, "default"), **values)


def _shown(settings: Settings) -> tuple[tuple[str, str, str], ...]:
    from homeroom.models.addresses import shown

    rows = []
    for setting in SETTINGS:
        value = getattr(settings, setting.name)
        words = os.pathsep.join(map(str, value)) if isinstance(value, tuple) else str(value)
        rows.append(
            (setting.name, shown(words) if setting.name == "index_url" else words, settings.origin[setting.name])
        )
    return tuple(rows)


def _versions(problems: list[HomeroomError]) -> dict[str, str]:
    found = {
        "homeroom": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": platform.platform(),
    }
    for line in importlib.metadata.requires("homeroom") or ():
        if "extra ==" in line or ("sys_platform != 'win32'" in line and sys.platform == "win32"):
            continue
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            problems.append(RuntimeFailure("checkup.missing", name=name))
    return found


async def _engine(problems: list[HomeroomError]) -> Engine:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _ASK_ENGINE,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        answer, complaints = await asyncio.wait_for(process.communicate(), ENGINE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        problems.append(EngineStartFailed("checkup.engine", reason=f"> {ENGINE_SECONDS:.0f} s"))
        return Engine(None)
    lines = answer.splitlines()
    if process.returncode != 0 or not lines:
        words = complaints.decode(errors="replace").strip().splitlines()
        reason = words[-1] if words else f"exit code {process.returncode}"
        missing = "ModuleNotFoundError" in reason
        problems.append(EngineStartFailed("engine.not_installed" if missing else "checkup.engine", reason=reason))
        return Engine(None)
    told = json.loads(lines[-1])
    devices = tuple(f"{device['name']}: {device['description']}" for device in told["devices"])
    return Engine(told["version"], devices, " ".join(str(told["system"]).split()))


def _folders(settings: Settings, problems: list[HomeroomError]) -> tuple[Folder, ...]:
    places = [("home", settings.home), ("models", settings.models), ("logs", settings.logs)]
    places += [("model_folders", folder) for folder in settings.model_folders]
    for folder in settings.model_folders:
        if not folder.is_dir():
            problems.append(StoreFailure("checkup.no_folder", path=folder))
    nearest = next(place for place in (settings.home, *settings.home.parents) if place.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        problems.append(StoreFailure("checkup.not_writable", path=settings.home))
    free = free_bytes(settings.home)
    if free < LITTLE_SPACE:
        problems.append(DiskFull("checkup.little_space", path=settings.home, free=text.size(free)))
    for secret in (settings.database, socket_path(settings.home), settings.home / "history"):
        if secret.exists() and stat.S_IMODE(secret.stat().st_mode) & 0o077 and os.name == "posix":
            problems.append(StoreFailure("checkup.open_secret", path=secret, mode=_mode(secret)))
    return tuple(Folder(name, path, path.is_dir(), _mode(path), _held(path), free_bytes(path)) for name, path in places)


def _mode(path: Path) -> str:
    try:
        return f"{stat.S_IMODE(path.stat().st_mode):04o}"
    except OSError:  # not there, or not ours to look at
        return "-"


def _held(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(root, name).lstat().st_size
            except OSError:  # gone meanwhile
                continue
    return total


def _port(settings: Settings, problems: list[HomeroomError]) -> bool:
    from homeroom.gateway.server import open_port

    try:
        open_port(settings.host, settings.port).close()
    except RuntimeFailure as error:
        problems.append(error)
        return False
    return True


def _models(settings: Settings, problems: list[HomeroomError]) -> tuple[tuple[str, int], ...]:
    library = Library(settings)
    models, broken = library.all()
    problems += broken
    problems += [
        StoreFailure("models.broken", name=entry.name, path=entry.path, reason=entry.reason)
        for entry in library.store.all().broken
    ]
    if settings.model:
        try:
            library.find(settings.model)
        except HomeroomError as error:
            if error.key not in {problem.key for problem in broken}:
                problems.append(error)
    return tuple((facts.name, facts.file_bytes) for facts in models)


async def _indexes(settings: Settings, problems: list[HomeroomError]) -> tuple[Index, ...]:
    """Ask each package index that pip is configured for whether it has the starter model's wheel."""
    from homeroom.models import package_index
    from homeroom.models.http import Client
    from homeroom.models.starter import starter_facts

    facts = starter_facts()
    try:
        config = package_index.configuration(settings.index_url)
        async with Client(config.network) as client:
            answers = [
                await package_index.look(client, place, facts.package, facts.wheel.name) for place in config.places
            ]
    except HomeroomError as error:
        problems.append(error)
        return ()
    if not any(answer.links for answer in answers):
        problems.append(package_index.not_found(f"{facts.package} {facts.version}", answers))
    return tuple(Index(answer.place.shown, answer.reason or "ok") for answer in answers)
