"""What a graphics processor is to homeroom, and what is worth saying about a machine.

Knows the words that every maker's probe answers in; does not know any maker.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from homeroom.text import Sentence

Kind = Literal["cuda", "rocm", "metal", "intel", "vulkan"]
Basis = Literal["measured", "table"]


@dataclass(frozen=True, slots=True)
class Device:
    """One graphics processor. Memory in bytes, bandwidth in bytes a second."""

    name: str
    kind: Kind
    memory_total: int
    """What it may use, at most: its own memory, or its share of main memory, or both."""
    memory_free: int
    """What a new process may use of that now."""
    bandwidth: float | None = None
    """Peak rate at which its memory is read; None where that is not known."""
    bandwidth_basis: Basis | None = None
    """``table``: the maker's figure, or the driver's clock x bus width. ``measured``: read on this machine."""
    unified: bool = False
    """It shares main memory: what it takes is taken from there, so it is not added to main memory."""
    integrated: bool = False
    """Part of the processor."""
    memory_own: int = 0
    """The part of ``memory_total`` that main memory does not hold: all of a card's, a carve-out made by the firmware."""
    link_bandwidth: float | None = None
    """Bytes a second from main memory, one direction; None where there is no link, or it is not known."""
    link: str = ""
    """The link in words: ``PCIe 4.0 x16``, ``PCIe 4.0 x16, NVLink x4``."""
    driver: str = ""
    address: str = ""
    """PCI address, ``0000:01:00.0``, where there is one."""
    tflops: float | None = None
    """Peak of its vector units in 10^12 operations a second, from the table."""

    def row(self) -> dict[str, object]:
        """The device in the JSON of ``fit``."""
        return {
            "name": self.name,
            "kind": self.kind,
            "memory_total": self.memory_total,
            "memory_free": self.memory_free,
            "bandwidth": self.bandwidth,
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """What a maker's probe found."""

    devices: tuple[Device, ...] = ()
    notes: tuple[Sentence, ...] = ()


def in_order(devices: Iterable[Device]) -> tuple[Device, ...]:
    """The order of preference: cards before integrated graphics, then the one with more memory, then the faster."""
    return tuple(
        sorted(devices, key=lambda device: (device.integrated, -device.memory_total, -(device.bandwidth or 0.0)))
    )
