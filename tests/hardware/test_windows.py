"""Display adapters in Windows' registry."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from homeroom.hardware import windows
from homeroom.hardware.device import Reading, in_order
from homeroom.hardware.presets import known

GIB = 1 << 30


def test_cards_of_amd_and_intel(sample: Callable[[str], str]) -> None:
    """NVIDIA's have their own library; software's adapters are none."""
    reading = windows.parse(json.loads(sample("registry-two.json")), 32 * GIB, 20 * GIB)
    radeon, arc, uhd = in_order(reading.devices)
    assert (radeon.name, radeon.memory_total, radeon.kind) == ("AMD Radeon RX 7900 XTX", 25_753_026_560, "vulkan")
    assert known(radeon).bandwidth == 960e9 and known(arc).bandwidth == 456e9
    assert uhd.unified and uhd.memory_total == 16 * GIB and uhd.memory_own == 0 and uhd.memory_free == 16 * GIB
    assert [note.key for note in reading.notes] == ["hardware.windows.free"]


@pytest.mark.skipif(sys.platform == "win32", reason="looks at a system that is not Windows")
def test_elsewhere_there_is_no_registry() -> None:
    assert windows.detect(GIB, GIB) == Reading()
