"""NVIDIA's cards, by the driver's management library (NVML) or the tool nvidia-smi.

Knows NVML's calls and the tool's columns; does not know what a card is good for. Needs no package: the library comes
with the driver. Sources: nvml.h, and ``nvidia-smi --help-query-gpu``.
"""

from __future__ import annotations

import csv
import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from homeroom.hardware import pci
from homeroom.hardware.device import Device, Reading
from homeroom.text import Sentence, sentence

VENDOR: Final = 0x10DE
MIB: Final = 1 << 20
SECONDS: Final = 10.0
"""The tool takes a second or two to wake sleeping cards."""

COLUMNS: Final = (
    "name",
    "pci.bus_id",
    "driver_version",
    "memory.total",
    "memory.free",
    "pcie.link.gen.max",
    "pcie.link.width.max",
    "mig.mode.current",
)
_ERRORS: Final = {
    # nvmlReturn_t
    9: "hardware.nvidia.not_loaded",
    12: "hardware.nvidia.not_loaded",
    18: "hardware.nvidia.mismatch",
    4: "hardware.nvidia.no_permission",
    15: "hardware.nvidia.lost",
}
_SAID: Final = {
    "version mismatch": "hardware.nvidia.mismatch",
    "couldn't communicate": "hardware.nvidia.not_loaded",
    "Insufficient Permissions": "hardware.nvidia.no_permission",
    "GPU is lost": "hardware.nvidia.lost",
    "No devices were found": "hardware.nvidia.no_devices",
}


def parse_nvml(answers: Mapping[str, Any], memory_total: int, memory_free: int) -> Reading:
    """What NVML answered, as ``ask_nvml`` collects it. *memory_total* and *memory_free* are main memory's bytes.

    A card whose memory NVML does not tell is one that has none of its own (GB10 of DGX Spark, Jetson): its memory is
    main memory. A card split by MIG is not a device; its instances are.
    """
    if "error" in answers:
        code = int(answers["error"])
        return Reading(notes=(sentence(_ERRORS.get(code, "hardware.nvidia.failed"), code=code),))
    driver = str(answers.get("driver") or "")
    devices: list[Device] = []
    notes: list[Sentence] = []
    for card in answers.get("devices", ()):
        if "error" in card:
            notes.append(sentence(_ERRORS.get(int(card["error"]), "hardware.nvidia.failed"), code=card["error"]))
        elif card.get("mig"):
            instances = [_device(one, driver, memory_total, memory_free) for one in card.get("instances", ())]
            devices += instances
            key = "hardware.nvidia.mig" if instances else "hardware.nvidia.mig_empty"
            notes.append(sentence(key, name=card["name"], count=len(instances)))
        else:
            devices.append(_device(card, driver, memory_total, memory_free))
    if not answers.get("devices"):
        notes.append(sentence("hardware.nvidia.no_devices"))
    return Reading(tuple(devices), tuple(notes))


def _device(card: Mapping[str, Any], driver: str, memory_total: int, memory_free: int) -> Device:
    memory: Sequence[int] | None = card.get("memory")
    unified = not memory or not memory[0]
    total, free = (memory_total, memory_free) if unified or memory is None else (memory[0], memory[1])
    generation, lanes = card.get("link") or (0, 0)
    link = [pci.words(generation, lanes)] if generation and lanes and not unified else []
    if card.get("nvlinks"):
        link.append(f"NVLink x{card['nvlinks']}")
    clock, width = card.get("clock"), card.get("width")
    # Two transfers a clock, as in NVIDIA's deviceQuery: 9,751 MHz x 384 bits of an RTX 3090 are its 936 GB/s.
    speed = 2 * clock * 1e6 * width / 8 if clock and width and not unified else None
    return Device(
        name=str(card["name"]),
        kind="cuda",
        memory_total=total,
        memory_free=free,
        bandwidth=speed,
        bandwidth_basis="table" if speed else None,
        unified=unified,
        integrated=unified,
        memory_own=0 if unified else total,
        link_bandwidth=pci.bandwidth(generation, lanes) if link and not unified else None,
        link=", ".join(link),
        driver=driver,
        address=str(card.get("address") or ""),
    )


def parse_smi(output: str, memory_total: int, memory_free: int) -> Reading:
    """The tool's answer to ``--query-gpu=COLUMNS --format=csv,noheader,nounits``, or its complaint."""
    devices: list[Device] = []
    for row in csv.reader(output.splitlines(), skipinitialspace=True):
        if len(row) != len(COLUMNS):
            break
        card = dict(zip(COLUMNS, (_known(value) for value in row), strict=True))
        total, free = _integer(card["memory.total"]), _integer(card["memory.free"]) or 0
        generation, lanes = _integer(card["pcie.link.gen.max"]), _integer(card["pcie.link.width.max"])
        answers = {
            "name": card["name"] or "NVIDIA",
            "address": (card["pci.bus_id"] or "").lower()[-12:],
            "memory": [total * MIB, free * MIB] if total else None,
            "link": (generation, lanes) if generation and lanes else None,
        }
        devices.append(_device(answers, card["driver_version"] or "", memory_total, memory_free))
    if devices:
        return Reading(tuple(devices))
    key = next((key for said, key in _SAID.items() if said in output), None)
    return Reading(
        notes=(sentence(key, code="nvidia-smi") if key else sentence("hardware.nvidia.failed", code="nvidia-smi"),)
    )


def _known(value: str) -> str | None:
    """A column's value; None for ``[N/A]``, ``[Not Supported]`` and their like."""
    return None if value.startswith("[") or value in ("", "N/A") else value


def _integer(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() else None


def detect(memory_total: int, memory_free: int, root: Path = pci.SYS) -> Reading:
    """This machine's NVIDIA cards; a note where there is one that cannot be used."""
    library = _load()
    if library is not None:
        return parse_nvml(ask_nvml(library), memory_total, memory_free)
    tool = shutil.which("nvidia-smi")
    if tool:
        command = [tool, f"--query-gpu={','.join(COLUMNS)}", "--format=csv,noheader,nounits"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return Reading(notes=(sentence("hardware.nvidia.failed", code="nvidia-smi"),))
        return parse_smi(done.stdout or done.stderr, memory_total, memory_free)
    if any(vendor == VENDOR for vendor, _ in pci.displays(root)):
        return Reading(notes=(sentence("hardware.nvidia.no_driver"),))
    return Reading()


def _load() -> ctypes.CDLL | None:
    """NVML where the driver put it; WSL keeps it outside the usual folders."""
    if sys.platform == "win32":
        folders = (os.environ.get("WINDIR", r"C:\Windows") + r"\System32", r"C:\Program Files\NVIDIA Corporation\NVSMI")
        names = [str(Path(folder) / "nvml.dll") for folder in folders]
    elif sys.platform == "linux":
        names = ["libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"]
    else:
        return None
    for one in names:
        try:
            return ctypes.CDLL(one)
        except OSError:
            continue
    return None


class _Pci(ctypes.Structure):
    """nvmlPciInfo_t"""

    _fields_ = (
        ("legacy", ctypes.c_char * 16),
        ("domain", ctypes.c_uint),
        ("bus", ctypes.c_uint),
        ("device", ctypes.c_uint),
        ("identity", ctypes.c_uint),
        ("subsystem", ctypes.c_uint),
        ("address", ctypes.c_char * 32),
    )


class _Memory(ctypes.Structure):
    """nvmlMemory_t"""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def ask_nvml(library: ctypes.CDLL) -> dict[str, Any]:
    """Everything that ``parse_nvml`` wants, in plain values (JSON); ``{"error": CODE}`` where NVML will not start."""
    code = int(library.nvmlInit_v2())
    if code:
        return {"error": code}
    try:
        version, count = ctypes.create_string_buffer(96), ctypes.c_uint(0)
        library.nvmlSystemGetDriverVersion(version, ctypes.c_uint(96))
        code = int(library.nvmlDeviceGetCount_v2(ctypes.byref(count)))
        if code:
            return {"error": code}
        cards = [_ask_card(library, index) for index in range(count.value)]
        return {"driver": version.value.decode("ascii", "replace"), "devices": cards}
    finally:
        library.nvmlShutdown()


def _ask_card(library: ctypes.CDLL, index: int) -> dict[str, Any]:
    handle = ctypes.c_void_p()
    code = int(library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)))
    if code:
        return {"error": code}
    card = _ask_common(library, handle)
    identity = _Pci()
    if _ask(library, "nvmlDeviceGetPciInfo_v3", handle, ctypes.byref(identity)):
        card["address"] = identity.address.decode("ascii", "replace").lower()[-12:]
    card["clock"] = _number(library, "nvmlDeviceGetMaxClockInfo", handle, ctypes.c_uint(2))  # NVML_CLOCK_MEM
    card["width"] = _number(library, "nvmlDeviceGetMemoryBusWidth", handle)
    generation = _number(library, "nvmlDeviceGetMaxPcieLinkGeneration", handle)
    lanes = _number(library, "nvmlDeviceGetCurrPcieLinkWidth", handle)
    card["link"] = [generation, lanes] if generation and lanes else None
    card["nvlinks"] = sum(
        _number(library, "nvmlDeviceGetNvLinkState", handle, ctypes.c_uint(link)) == 1 for link in range(18)
    )
    current, pending = ctypes.c_uint(0), ctypes.c_uint(0)
    split = _ask(library, "nvmlDeviceGetMigMode", handle, ctypes.byref(current), ctypes.byref(pending))
    card["mig"] = bool(split and current.value)
    card["instances"] = list(_ask_instances(library, handle)) if card["mig"] else []
    return card


def _ask_instances(library: ctypes.CDLL, handle: ctypes.c_void_p) -> Iterator[dict[str, Any]]:
    for index in range(_number(library, "nvmlDeviceGetMaxMigDeviceCount", handle) or 0):
        instance = ctypes.c_void_p()
        if _ask(
            library,
            "nvmlDeviceGetMigDeviceHandleByIndex",
            handle,
            ctypes.c_uint(index),
            ctypes.byref(instance),
        ):
            yield _ask_common(library, instance)


def _ask_common(library: ctypes.CDLL, handle: ctypes.c_void_p) -> dict[str, Any]:
    name, memory = ctypes.create_string_buffer(96), _Memory()
    _ask(library, "nvmlDeviceGetName", handle, name, ctypes.c_uint(96))
    known = _ask(library, "nvmlDeviceGetMemoryInfo", handle, ctypes.byref(memory))
    return {
        "name": name.value.decode("utf-8", "replace"),
        "memory": [int(memory.total), int(memory.free)] if known else None,
    }


def _ask(library: ctypes.CDLL, call: str, *arguments: Any) -> bool:
    """Whether *call* exists in this driver's library and succeeds."""
    function = getattr(library, call, None)
    return function is not None and int(function(*arguments)) == 0


def _number(library: ctypes.CDLL, call: str, handle: ctypes.c_void_p, *arguments: Any) -> int | None:
    value = ctypes.c_uint(0)
    return value.value if _ask(library, call, handle, *arguments, ctypes.byref(value)) else None


def jetson(model: str, memory_total: int, memory_free: int) -> Reading:
    """The graphics of a Jetson by its board's name in the device tree: older ones have no NVML."""
    if "Jetson" not in model:
        return Reading()
    name = model.removeprefix("NVIDIA ").strip()
    return Reading((Device(name, "cuda", memory_total, memory_free, unified=True, integrated=True, driver="tegra"),))
