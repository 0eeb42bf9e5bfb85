"""What a machine is, in one frozen object: memory, cores, devices.

Knows the operating system's figures, this process's limits (cgroup, affinity) and which maker's probe to ask; does not
know models, nor how a machine that is not at hand is described (``presets`` does).
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from homeroom.hardware import processor
from homeroom.hardware.device import Basis, Device, Reading, in_order
from homeroom.text import Sentence, sentence

__all__ = ["Device", "Machine", "Sentence", "cgroup_memory", "detect", "usable_threads", "with_bandwidth"]

usable_threads = processor.usable_threads


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory in bytes, ``memory_free`` being what a new process may use; ``cores`` physical cores it may use."""

    name: str
    system: str
    processor: str
    cores: int
    threads: int
    memory_total: int
    memory_free: int
    limited_by: str | None
    """``cgroup`` where a container's limit is below the machine's memory, else None."""
    devices: tuple[Device, ...] = ()
    """Graphics processors that can compute, the preferred first; empty too where nobody looked for them.

    Their memories are several: a model on two of them is split, not poured into one pool.
    """
    source: Literal["detected", "given", "preset"] = "detected"
    bandwidth: float | None = None
    """Bytes a second that the cores read from main memory; None where that is not known."""
    bandwidth_basis: Basis | None = None
    features: tuple[str, ...] = ()
    """Vector extensions: ``avx2``, ``avx512f``, ``neon``, ... (``processor.FEATURES``)."""
    unified: bool = False
    """The preferred device shares main memory."""
    notes: tuple[Sentence, ...] = ()
    """What a user should know: a card without its driver, an assumption about a machine that is not at hand."""
    reserve: int = 0
    """Bytes of main memory held back for the system on a machine that is not at hand; on this one, free is measured."""

    @property
    def memory_whole(self) -> int:
        """Main memory and what the firmware took from it for integrated graphics: what the machine was sold with."""
        return self.memory_total + sum(device.memory_own for device in self.devices if device.unified)

    def row(self) -> dict[str, Any]:
        """The machine in the JSON of ``fit``; the processor is the last of its devices."""
        cpu = {
            "name": self.processor,
            "kind": "cpu",
            "memory_total": self.memory_total,
            "memory_free": self.memory_free,
            "bandwidth": self.bandwidth,
        }
        return {
            "name": self.name,
            "source": self.source,
            "devices": [*(device.row() for device in self.devices), cpu],
            "memory_total": self.memory_total,
            "memory_free": self.memory_free,
        }


def detect(*, devices: bool = False) -> Machine:
    """This machine, now. Its graphics are only looked for with *devices*: that may start a maker's tool (seconds)."""
    import psutil

    memory = psutil.virtual_memory()
    total, free, limited_by = memory.total, memory.available, None
    limit = cgroup_memory(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")) if sys.platform == "linux" else None
    if limit is not None and limit[0] < total:
        total, free, limited_by = limit[0], min(free, limit[1]), "cgroup"
    threads = processor.usable_threads()
    machine = Machine(
        name=platform.node(),
        system=f"{platform.system()} {platform.release()}",
        processor=processor.this_name(),
        cores=processor.this_cores(threads),
        threads=threads,
        memory_total=total,
        memory_free=free,
        limited_by=limited_by,
        features=processor.this_features(),
    )
    return with_devices(machine, _probe(total, free)) if devices else machine


def with_devices(machine: Machine, reading: Reading) -> Machine:
    """*machine* with the devices of *reading*, in order of preference, with the table's bandwidth where none was told."""
    if not reading.devices:  # the table need not be read
        return replace(machine, notes=(*machine.notes, *reading.notes))
    from homeroom.hardware.presets import known

    devices = in_order(known(device) for device in reading.devices)
    notes = list(reading.notes)
    cards = [device for device in devices if not device.integrated]
    if len(cards) > 1:
        notes.append(sentence("hardware.several", count=len(cards)))
    return replace(
        machine,
        devices=devices,
        notes=(*machine.notes, *notes),
        unified=devices[0].unified,
    )


def with_bandwidth(machine: Machine, bandwidth: float) -> Machine:
    """*machine* with the measured rate of its main memory, which is also that of integrated graphics of unknown rate."""
    return replace(
        machine,
        bandwidth=bandwidth,
        bandwidth_basis="measured",
        devices=tuple(
            replace(device, bandwidth=bandwidth, bandwidth_basis="measured")
            if device.unified and device.bandwidth is None
            else device
            for device in machine.devices
        ),
    )


def _probe(memory_total: int, memory_free: int) -> Reading:
    """Every maker's answer. Main memory's figures are the share of devices that have none of their own."""
    if sys.platform == "darwin":
        from homeroom.hardware import apple

        return apple.detect(memory_total, memory_free)
    from homeroom.hardware import amd, intel, nvidia, pci, windows

    readings = [nvidia.detect(memory_total, memory_free)]
    if sys.platform == "win32":
        readings.append(windows.detect(memory_total, memory_free))
    else:
        cards = pci.read_cards()
        readings.append(amd.detect(cards, memory_total, memory_free))
        readings.append(intel.detect(cards, memory_total, memory_free))
        if not readings[0].devices:
            readings.append(nvidia.jetson(pci.read(Path("/proc/device-tree/model")) or "", memory_total, memory_free))
    return Reading(
        tuple(device for reading in readings for device in reading.devices),
        tuple(one for reading in readings for one in reading.notes),
    )


def cgroup_memory(root: Path, membership: Path) -> tuple[int, int] | None:
    """``(limit, free)`` in bytes of the tightest cgroup v2 (or the v1 memory group) above this process.

    *root* is the cgroup file system, *membership* is ``/proc/self/cgroup``. None where no limit is set.
    Page cache that the kernel can drop (``inactive_file``) counts as free, as ``MemAvailable`` counts it.
    """
    tightest: tuple[int, int] | None = None
    for folder, names in _groups(root, membership):
        limit, used = _integer(folder / names[0]), _integer(folder / names[1])
        if limit is None or used is None or limit >= 1 << 60:
            continue
        free = max(0, limit - used + _statistic(folder / "memory.stat", "inactive_file"))
        if tightest is None or free < tightest[1]:
            tightest = (limit, free)
    return tightest


def _groups(root: Path, membership: Path) -> list[tuple[Path, tuple[str, str]]]:
    try:
        lines = membership.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    found: list[tuple[Path, tuple[str, str]]] = []
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            top, names = root, ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            top, names = root / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        folder = top / path.lstrip("/")
        while True:
            found.append((folder, names))
            if folder == top or top not in folder.parents:
                break
            folder = folder.parent
    return found


def _integer(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # absent, or "max"
        return None


def _statistic(path: Path, name: str) -> int:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name + " ")), 0)
