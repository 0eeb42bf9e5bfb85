"""Cards, Macs and small machines by name, for what-if questions and for the bandwidth of a card that was found.

Knows ``data/machines.toml`` and how people write names and sizes ("2x 3090", "M4 Max 64GB"); does not measure anything.
Sizes of hardware are in GiB whatever they are called: a card of "24GB" has 24 x 2^30 bytes, and a machine of "32GB" too.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from homeroom import text
from homeroom.errors import UsageError
from homeroom.hardware.apple import default_limit
from homeroom.hardware.device import Device, Kind, in_order
from homeroom.hardware.intel import share as intel_share
from homeroom.hardware.machine import Machine
from homeroom.text import Sentence, sentence

GIB: Final = 1 << 30

RESERVE: Final = 4 * GIB
RESERVE_PART: Final = 8
"""On a machine that is not at hand the system keeps an eighth of main memory, 1 GiB at least and 4 GiB at most."""
CARD_RESERVE: Final = GIB // 2
"""A card keeps half a GiB for its driver and a screen."""
HOST_MEMORY: Final = 32 * GIB
HOST: Final = "DDR4-3200 desktop"
"""Around a card that is asked about alone stands this preset with that much memory, and the answer says so."""

_MAKERS: Final = re.compile(
    r"\b(nvidia|geforce|amd|radeon\s+(?=rx|vii|ai|pro|instinct)|intel|apple|macbook\s+(pro|air)|mac\s*(studio|mini|pro)|imac|"
    r"graphics|generation|gpu|with|instinct(?=\s+mi)|quadro(?=\s+t)|tesla)\b"
)
_SIZE: Final = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s*(g|gb|gib)(?:\s*ram)?\b")
_COUNT: Final = re.compile(r"^\s*([1-9]\d?)\s*[x×*]\s*(?=\S)|\s+[x×*]\s*([1-9]\d?)\s*$")
_UNITS: Final = {"": 30, "g": 30, "gb": 30, "gib": 30, "m": 20, "mb": 20, "mib": 20, "t": 40, "tb": 40, "tib": 40}


@dataclass(frozen=True, slots=True)
class Preset:
    """One entry of the data file. ``memory`` lists the sizes it is sold with, in bytes; ``bandwidth`` bytes a second."""

    what: Literal["gpu", "mac", "machine"]
    name: str
    aliases: tuple[str, ...]
    kind: Kind | None
    memory: tuple[int, ...]
    bandwidth: float
    tflops: float | None
    """10^12 operations a second; of Macs computed from cores and clock, as the file says."""
    year: int
    cores: int
    gpu_cores: int
    processor: str
    gpu: str
    share: float
    """The part of its memory that a whole machine's graphics may use."""
    soldered: bool
    """Its memory comes with the processor, so its bandwidth goes with the name."""
    source: str
    """What was read for the figures, or the arithmetic, in words."""
    url: str
    """Where that is, as far as it has an address; else empty."""
    date: str
    """The day of reading."""
    checked: bool
    """Every figure was found in what was read, or follows from it. Where not, ``_sources`` tells the user."""

    @property
    def keys(self) -> frozenset[str]:
        """Every way to write its name, as ``key`` writes it; a card also answers to its number alone (``4090``)."""
        names = {key(name) for name in (self.name, *self.aliases)}
        if self.what == "gpu":
            short = {re.sub(r"^(rtx|gtx|rx|arc)(?=[ab]?\d)", "", name) for name in names}
            names |= {name for name in short if len(name) >= 3}
        return frozenset(names)

    def shown(self, memory: int) -> str:
        return f"{self.name} {_gib(memory)}GB"


def key(name: str) -> str:
    """A name without maker, memory, case, spaces and marks: ``NVIDIA GeForce RTX 3090`` and ``rtx3090`` are the same."""
    plain = re.sub(r"\((?:r|tm)\)|[®™]", "", name.lower())
    plain = re.sub(r"\blaptop gpu\b", "laptop", plain)
    return re.sub(r"[^a-z0-9+]", "", _MAKERS.sub(" ", _SIZE.sub(" ", plain)))


@cache
def presets() -> tuple[Preset, ...]:
    """Every entry of the data file, in its order."""
    content = tomllib.loads((files("homeroom.hardware") / "data" / "machines.toml").read_text(encoding="utf-8"))
    sources = content["sources"]
    found = []
    for what in ("gpu", "mac", "machine"):
        for entry in content[what]:
            source = sources[entry.get("source", "techpowerup")]
            found.append(
                Preset(
                    what=what,
                    name=entry["name"],
                    aliases=tuple(entry.get("aliases", ())),
                    kind=entry.get("kind"),
                    memory=tuple(int(size * GIB) for size in entry["memory"]),
                    bandwidth=entry["bandwidth"] * 1e9,
                    tflops=entry.get("tflops"),
                    year=entry["year"],
                    cores=entry.get("cores", 0),
                    gpu_cores=entry.get("gpu_cores", 0),
                    processor=entry.get("processor", ""),
                    gpu=entry.get("gpu", ""),
                    share=entry.get("share", 1.0),
                    soldered=what == "mac" or entry.get("soldered", False),
                    source=source["name"],
                    url=entry.get("url", source.get("url", "")),
                    date=source["date"],
                    checked=entry.get("checked", True),
                )
            )
    return tuple(found)


def known(device: Device) -> Device:
    """*device* with the table's bandwidth (where it has none) and arithmetic, if its name and memory mean one entry."""
    cores = re.search(r"\((\d+)-core GPU\)", device.name)
    name = key(device.name.replace(cores[0], "") if cores else device.name)
    found = [preset for preset in presets() if name in preset.keys or (name and name == key(preset.gpu))]
    if cores:
        # A chip with fewer cores for graphics than the full one may have less bandwidth: only where all agree is it known.
        exact = [preset for preset in found if preset.gpu_cores == int(cores[1])]
        found = exact or found
    elif not device.unified:
        found = [preset for preset in found if any(abs(device.memory_total / m - 1) < 0.1 for m in preset.memory)]
    rates, arithmetic = {preset.bandwidth for preset in found}, {_tflops(preset, cores) for preset in found}
    # What integrated graphics read depends on the modules beside them, unless the memory comes with the processor.
    fixed = not device.integrated or all(preset.soldered for preset in found)
    if device.bandwidth is None and len(rates) == 1 and fixed:
        device = replace(device, bandwidth=rates.pop(), bandwidth_basis="table")
    return replace(device, tflops=arithmetic.pop()) if len(arithmetic) == 1 and device.tflops is None else device


def _tflops(preset: Preset, cores: re.Match[str] | None) -> float | None:
    """The entry's arithmetic, in proportion where the chip found has other graphics cores."""
    if preset.tflops is None or cores is None or not preset.gpu_cores:
        return preset.tflops
    return preset.tflops * int(cores[1]) / preset.gpu_cores


def size(words: str, option: str) -> int:
    """``32GB``, ``32``, ``24GiB``, ``512MB`` in bytes; GB means GiB. Raises UsageError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", words.strip().lower())
    value = float(found[1]) * (1 << _UNITS[found[2]]) if found and found[2] in _UNITS else 0.0
    if not 64 << 20 <= value <= 1 << 50:
        raise UsageError("hardware.bad_size", option=option, value=words)
    return int(value)


def sizes(words: str, option: str) -> tuple[int, ...]:
    """``24GB,24GB`` or ``2x24GB``: one size for each card. Raises UsageError."""
    found: list[int] = []
    for part in re.split(r"[,，+]", words):
        count, rest = _count(part)
        found += [size(rest, option)] * count
    return tuple(found)


def _count(words: str) -> tuple[int, str]:
    found = _COUNT.search(words)
    if not found:
        return 1, words
    return int(found[1] or found[2]), (words[: found.start()] + words[found.end() :]).strip()


def find(name: str) -> tuple[Preset, int, int]:
    """``(preset, bytes of memory, count)`` that *name* means. Raises UsageError for one that is unknown or means several."""
    count, words = _count(name)
    given = _SIZE.search(words.lower())
    memory = int(float(given[1][:9]) * GIB) if given else None
    wanted = key(words)
    named = [preset for preset in presets() if wanted in preset.keys]
    if not named:
        raise UsageError("hardware.unknown", name=name, close=", ".join(_close(wanted)))
    sold = [(preset, each) for preset in named for each in preset.memory]
    choices = [(preset, each) for preset, each in sold if memory is None or each == memory]
    if len(choices) != 1:
        shown = [preset.shown(each) for preset, each in choices or sold]
        problem = "hardware.ambiguous" if choices else "hardware.no_such_memory"
        raise UsageError(problem, name=name, choices=", ".join(shown), first=shown[-1])
    return (*choices[0], count)


def _close(wanted: str) -> list[str]:
    names = {spelling: preset.name for preset in presets() for spelling in preset.keys}
    near = difflib.get_close_matches(wanted, names, n=6, cutoff=0.5)
    inside = [spelling for spelling in names if wanted and wanted in spelling]
    found = list(dict.fromkeys(names[spelling] for spelling in (*near, *inside)))[:5]
    return found or ["RTX 4090", "RX 7900 XTX", "M4 Max 64GB", "Ryzen AI Max+ 395 128GB", "DDR5-5600 desktop 32GB"]


def what_if(*, ram: str | None, vram: str | None, machine: str | None, base: Machine | None) -> Machine:
    """A machine that is not at hand: *ram* (``32GB``), *vram* (``24GB,24GB``) and *machine* (``M4 Max 64GB``) as given.

    What is not given comes from *base* (this machine), else from the ``HOST`` preset. Of what is given, free memory is
    the total less a stated reserve. Raises UsageError for a size or a name that cannot be read, and for options that do
    not go together.
    """
    main = size(ram, "--ram") if ram is not None else None
    cards = sizes(vram, "--vram") if vram is not None else None
    if machine is not None:
        if cards is not None:
            raise UsageError("hardware.both", name=machine)
        return _named(machine, main)
    host = base if base is not None else _host(_host_preset(), main or HOST_MEMORY)
    if main is None and cards is None:
        return host
    notes: list[Sentence] = []
    devices = host.devices
    if main is not None:
        reserve = reserve_of(main)
        host = replace(host, memory_total=main, memory_free=main - reserve, limited_by=None, reserve=reserve)
        devices = tuple(_resized(device, host) for device in devices)
        notes.append(sentence("hardware.given.reserve", reserve=text.size(reserve)))
    name = f"{_gib(host.memory_total)} GB RAM"
    if cards is not None:
        devices = tuple(_card(f"GPU {number}", "cuda", each, None, None) for number, each in enumerate(cards, 1))
        notes.append(sentence("hardware.given.cards", reserve=text.size(CARD_RESERVE)))
        name = " + ".join([*(f"{_gib(each)} GB GPU" for each in cards), name])
    else:
        notes = [*host.notes, *notes]
    return _finish(replace(host, name=name, source="given"), devices, notes)


def _resized(device: Device, host: Machine) -> Device:
    """Integrated graphics of *host* after its main memory was changed; a card as it is."""
    if not device.unified:
        return device
    main = host.memory_total
    if device.kind == "metal":
        usable = default_limit(main)
    elif device.kind == "intel":
        usable = intel_share(main)
    else:
        usable = main if device.kind == "cuda" else device.memory_own + main // 2
    free = device.memory_own + host.memory_free
    return replace(device, memory_total=usable, memory_free=min(usable, free))


def reserve_of(memory: int) -> int:
    """Bytes of main memory that the system keeps on a machine that is not at hand."""
    return min(max(memory // RESERVE_PART, GIB), RESERVE, memory // 2)


def _named(name: str, main: int | None) -> Machine:
    """The machine that a name means: cards in a host of *main* bytes, or a whole machine."""
    if main is not None and not _SIZE.search(name.lower()) and _is_whole(name):
        # The size of a machine without cards of its own may come from --ram.
        name = f"{name} {_gib(main)}GB"
    preset, memory, count = find(name)
    if preset.what != "gpu":
        if count > 1:
            raise UsageError("hardware.whole", name=preset.name)
        if main is not None and main != memory:
            raise UsageError("hardware.two_sizes", name=name, ram=f"{_gib(main)}GB")
        return _whole(preset, memory)
    host = _host(_host_preset(), main or HOST_MEMORY)
    kind = preset.kind or "cuda"
    card = _card(preset.name, kind, memory, preset.bandwidth, preset.tflops)
    shown = f"{count}x {preset.shown(memory)}" if count > 1 else preset.shown(memory)
    notes = [
        sentence(
            "hardware.given.host" if main is None else "hardware.given.host_rate", memory=text.size(host.memory_total)
        ),
        *_sources(preset, memory),
        sentence("hardware.given.reserve", reserve=text.size(host.reserve)),
    ]
    made = replace(host, name=f"{shown}, {_gib(host.memory_total)} GB RAM", source="preset")
    return _finish(made, (card,) * count, notes)


def _host_preset() -> Preset:
    return next(preset for preset in presets() if preset.name == HOST)


def _is_whole(name: str) -> bool:
    wanted = key(_count(name)[1])
    return any(wanted in preset.keys for preset in presets() if preset.what != "gpu")


def _host(preset: Preset, memory: int) -> Machine:
    reserve = reserve_of(memory)
    return Machine(
        name=preset.shown(memory),
        system="",
        processor=preset.processor or f"Apple {preset.name}",
        cores=preset.cores,
        threads=preset.cores,
        memory_total=memory,
        memory_free=memory - reserve,
        limited_by=None,
        source="preset",
        bandwidth=preset.bandwidth,
        bandwidth_basis="table",
        reserve=reserve,
    )


def _whole(preset: Preset, memory: int) -> Machine:
    """A Mac or another whole machine; its graphics share its memory."""
    host = _host(preset, memory)
    notes = [
        *_sources(preset, memory),
        sentence("hardware.given.reserve", reserve=text.size(host.reserve)),
    ]
    if preset.kind is None:
        return _finish(host, (), notes)
    usable = share_of(preset, memory)
    graphics = Device(
        name=f"Apple {preset.name} ({preset.gpu_cores}-core GPU)" if preset.what == "mac" else preset.gpu,
        kind=preset.kind,
        memory_total=usable,
        memory_free=min(usable, host.memory_free),
        bandwidth=preset.bandwidth,
        bandwidth_basis="table",
        unified=True,
        integrated=True,
        tflops=preset.tflops,
    )
    notes.append(sentence("hardware.given.share", usable=text.size(usable), memory=text.size(memory)))
    return _finish(host, (graphics,), notes)


def _sources(preset: Preset, memory: int) -> tuple[Sentence, ...]:
    """What the user is told about where the figures of the entry come from."""
    name = preset.shown(memory)
    source = sentence("hardware.given.source", name=name, source=preset.source, date=preset.date)
    return (source,) if preset.checked else (source, sentence("hardware.given.unchecked", name=name))


def share_of(preset: Preset, memory: int) -> int:
    """Bytes of *memory* that a whole machine's graphics may use: ``apple.default_limit``, else what the file says."""
    return default_limit(memory) if preset.what == "mac" else int(memory * preset.share)


def _card(name: str, kind: Kind, memory: int, bandwidth: float | None, tflops: float | None) -> Device:
    return Device(
        name=name,
        kind=kind,
        memory_total=memory,
        memory_free=max(memory - CARD_RESERVE, memory // 2),
        bandwidth=bandwidth,
        bandwidth_basis="table" if bandwidth else None,
        memory_own=memory,
        tflops=tflops,
    )


def _finish(machine: Machine, devices: Sequence[Device], notes: Sequence[Sentence]) -> Machine:
    ordered = in_order(devices)
    cards = [device for device in ordered if not device.integrated]
    several = (sentence("hardware.several", count=len(cards)),) if len(cards) > 1 else ()
    return replace(machine, devices=ordered, unified=bool(ordered) and ordered[0].unified, notes=(*notes, *several))


def _gib(memory: float) -> str:
    return f"{memory / GIB:g}" if memory % GIB == 0 else f"{memory / GIB:.1f}"
