"""NVIDIA's cards from NVML's answers and nvidia-smi's table."""

from __future__ import annotations

import ctypes
import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.hardware import nvidia
from homeroom.hardware.device import Reading
from homeroom.hardware.presets import known

GIB = 1 << 30


@pytest.fixture
def nvml(sample: Callable[[str], str]) -> Callable[[str], Reading]:
    return lambda name: nvidia.parse_nvml(json.loads(sample(name)), 119 * GIB, 100 * GIB)


def test_two_cards_with_their_links(nvml: Callable[[str], Reading]) -> None:
    first, second = nvml("nvml-two-3090.json").devices
    assert first.name == "NVIDIA GeForce RTX 3090" and first.kind == "cuda" and first.driver == "550.54.14"
    assert (first.memory_total, first.memory_free) == (24 * GIB, 23 * GIB)
    assert (second.memory_total, second.memory_free) == (24 * GIB, 5 * GIB)
    assert first.bandwidth == pytest.approx(936e9, rel=0.001) and first.bandwidth_basis == "table"
    assert first.link == "PCIe 4.0 x16, NVLink x4" and second.link == "PCIe 4.0 x4, NVLink x4"
    assert second.link_bandwidth == pytest.approx(7.88e9, rel=0.001)
    assert not first.unified and first.memory_own == 24 * GIB


def test_the_drivers_own_clock_goes_before_the_table(nvml: Callable[[str], Reading]) -> None:
    first = nvml("nvml-two-3090.json").devices[0]
    assert known(first).bandwidth == first.bandwidth
    assert known(first).tflops == 35.6


def test_parts_of_a_split_card_are_the_devices(nvml: Callable[[str], Reading]) -> None:
    reading = nvml("nvml-mig.json")
    assert [device.memory_total for device in reading.devices] == [20_937_965_568, 5_100_273_664]
    assert [device.bandwidth for device in reading.devices] == [None, None]  # a part does not have the whole's
    assert [note.key for note in reading.notes] == ["hardware.nvidia.mig"]
    assert "2" in str(reading.notes[0])


def test_a_card_without_memory_of_its_own_shares_the_machines(nvml: Callable[[str], Reading]) -> None:
    [device] = nvml("nvml-gb10.json").devices
    assert device.unified and device.integrated and device.memory_own == 0
    assert (device.memory_total, device.memory_free) == (119 * GIB, 100 * GIB)
    assert device.link == "" and device.link_bandwidth is None
    assert known(device).bandwidth == 273e9


@pytest.mark.parametrize(
    ("code", "key"), [(9, "not_loaded"), (12, "not_loaded"), (18, "mismatch"), (4, "no_permission"), (999, "failed")]
)
def test_a_driver_that_will_not_start_is_a_note(code: int, key: str) -> None:
    reading = nvidia.parse_nvml({"error": code}, GIB, GIB)
    assert reading.devices == () and [note.key for note in reading.notes] == [f"hardware.nvidia.{key}"]
    assert str(code) in str(reading.notes[0])


def test_a_driver_without_a_card_is_a_note() -> None:
    reading = nvidia.parse_nvml({"driver": "550.54.14", "devices": []}, GIB, GIB)
    assert reading.devices == () and [note.key for note in reading.notes] == ["hardware.nvidia.no_devices"]


def test_one_lost_card_does_not_hide_the_other(sample: Callable[[str], str]) -> None:
    answers = json.loads(sample("nvml-two-3090.json"))
    answers["devices"][0] = {"error": 15}
    reading = nvidia.parse_nvml(answers, GIB, GIB)
    assert len(reading.devices) == 1 and [note.key for note in reading.notes] == ["hardware.nvidia.lost"]


def test_the_tools_table(sample: Callable[[str], str]) -> None:
    first, second = nvidia.parse_smi(sample("nvidia-smi-two.csv"), GIB, GIB).devices
    assert (first.memory_total, first.memory_free) == (24 * GIB, 23 * GIB)
    assert second.link == "PCIe 4.0 x8" and second.address == "0000:02:00.0" and second.driver == "550.54.14"
    assert known(first).bandwidth == 936.2e9
    assert known(second).bandwidth == 360e9  # of the two RTX 3060 the one with 12 GB
    [shared] = nvidia.parse_smi(sample("nvidia-smi-gb10.csv"), 119 * GIB, 100 * GIB).devices
    assert shared.unified and shared.memory_total == 119 * GIB


@given(st.lists(st.text(alphabet=string.printable, max_size=12), min_size=8, max_size=8))
def test_any_table_is_read_or_refused(columns: list[str]) -> None:
    reading = nvidia.parse_smi(", ".join(columns), GIB, GIB)
    assert all(device.memory_free >= 0 for device in reading.devices)


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("No devices were found", "no_devices"),
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", "not_loaded"),
        ("", "failed"),
        ("a, b", "failed"),
    ],
)
def test_the_tools_complaints(said: str, key: str) -> None:
    reading = nvidia.parse_smi(said, GIB, GIB)
    assert reading.devices == () and [note.key for note in reading.notes] == [f"hardware.nvidia.{key}"]


def test_the_tools_word_for_a_mismatch(sample: Callable[[str], str]) -> None:
    [note] = nvidia.parse_smi(sample("nvidia-smi-mismatch.csv"), GIB, GIB).notes
    assert note.key == "hardware.nvidia.mismatch" and "Restart" in str(note)


def test_a_card_without_a_driver_is_a_note(sysfs: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "_load", lambda: None)
    monkeypatch.setenv("PATH", "")
    reading = nvidia.detect(GIB, GIB, sysfs("no-nvidia-driver.tree"))
    assert reading.devices == () and [note.key for note in reading.notes] == ["hardware.nvidia.no_driver"]
    assert nvidia.detect(GIB, GIB, sysfs("server-phantoms.tree")) == Reading()


def test_a_jetson_without_nvml() -> None:
    [device] = nvidia.jetson("NVIDIA Jetson AGX Orin Developer Kit", 61 * GIB, 50 * GIB).devices
    assert device.unified and device.memory_total == 61 * GIB
    assert known(device).bandwidth == 204.8e9
    assert nvidia.jetson("Raspberry Pi 5 Model B Rev 1.0", GIB, GIB) == Reading()


class Library:
    """NVML's calls, through real C function pointers and structures; it has one card, or none and an error."""

    def __init__(self, start: int = 0) -> None:
        pointer, unsigned = ctypes.c_void_p, ctypes.c_uint

        def text(at: int, words: bytes) -> int:
            ctypes.memmove(at, words + b"\0", len(words) + 1)
            return 0

        def number(at: int, value: int) -> int:
            unsigned.from_address(at).value = value
            return 0

        def memory(_: int, at: int) -> int:
            found = nvidia._Memory.from_address(at)
            found.total, found.free = 16 * GIB, 15 * GIB
            return 0

        def identity(_: int, at: int) -> int:
            nvidia._Pci.from_address(at).address = b"00000000:0A:00.0"
            return 0

        def handle(index: int, at: int) -> int:
            pointer.from_address(at).value = 7000 + index
            return 0

        def split(_: int, current: int, pending: int) -> int:
            return 3  # NVML_ERROR_NOT_SUPPORTED

        def made(function: Callable[..., int], *kinds: Any) -> Any:
            return ctypes.CFUNCTYPE(ctypes.c_int, *kinds)(function)

        self.nvmlInit_v2 = made(lambda: start)
        self.nvmlShutdown = made(lambda: 0)
        self.nvmlSystemGetDriverVersion = made(lambda at, _: text(at, b"570.10"), pointer, unsigned)
        self.nvmlDeviceGetCount_v2 = made(lambda at: number(at, 1), pointer)
        self.nvmlDeviceGetHandleByIndex_v2 = made(handle, unsigned, pointer)
        self.nvmlDeviceGetName = made(lambda _, at, __: text(at, b"Tesla T4"), pointer, pointer, unsigned)
        self.nvmlDeviceGetMemoryInfo = made(memory, pointer, pointer)
        self.nvmlDeviceGetPciInfo_v3 = made(identity, pointer, pointer)
        self.nvmlDeviceGetMaxClockInfo = made(lambda _, kind, at: number(at, 5001), pointer, unsigned, pointer)
        self.nvmlDeviceGetMemoryBusWidth = made(lambda _, at: number(at, 256), pointer, pointer)
        self.nvmlDeviceGetMaxPcieLinkGeneration = made(lambda _, at: number(at, 3), pointer, pointer)
        self.nvmlDeviceGetCurrPcieLinkWidth = made(lambda _, at: number(at, 16), pointer, pointer)
        self.nvmlDeviceGetMigMode = made(split, pointer, pointer, pointer)
        # nvmlDeviceGetNvLinkState is missing, as in an old driver's library.


def test_the_calls_themselves() -> None:
    answers = nvidia.ask_nvml(Library())  # type: ignore[arg-type]
    json.dumps(answers)
    [device] = nvidia.parse_nvml(answers, GIB, GIB).devices
    assert (device.name, device.address, device.driver) == ("Tesla T4", "0000:0a:00.0", "570.10")
    assert (device.memory_total, device.memory_free) == (16 * GIB, 15 * GIB)
    assert device.bandwidth == pytest.approx(320e9, rel=0.001)
    assert device.link == "PCIe 3.0 x16"


def test_a_library_that_will_not_start() -> None:
    assert nvidia.ask_nvml(Library(start=18)) == {"error": 18}  # type: ignore[arg-type]
