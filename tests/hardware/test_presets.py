"""Machines by name and by size."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom import text
from homeroom.errors import UsageError
from homeroom.hardware.device import Device
from homeroom.hardware.machine import Machine, detect
from homeroom.hardware.presets import find, known, presets, size, sizes, what_if

GIB = 1 << 30


def ask(ram: str | None = None, vram: str | None = None, machine: str | None = None) -> Machine:
    return what_if(ram=ram, vram=vram, machine=machine, base=None)


def problem(**asked: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        ask(**asked)
    assert caught.value.next
    return caught.value


# the data


def test_every_entry_has_its_source_and_makes_sense() -> None:
    assert len(presets()) > 180
    for preset in presets():
        assert preset.source and re.fullmatch(r"20\d\d-\d\d-\d\d", preset.date), preset.name
        # Only arithmetic needs no address; TechPowerUp's figures come with the address of their card.
        assert preset.url.startswith("https://") or preset.source.startswith("Arithmetic: "), preset.name
        if preset.source.startswith("TechPowerUp") and preset.what == "gpu":
            assert preset.url.startswith("https://www.techpowerup.com/gpu-specs/"), preset.name
            assert preset.url != "https://www.techpowerup.com/gpu-specs/", preset.name
        assert preset.memory == tuple(sorted(set(preset.memory))) and preset.memory, preset.name
        assert 15e9 < preset.bandwidth < 7e12, preset.name
        assert 2015 <= preset.year <= 2026, preset.name
        assert all(GIB <= memory <= 512 * GIB for memory in preset.memory), preset.name
        if preset.what != "gpu":
            assert preset.cores > 0, preset.name
        else:
            assert preset.kind in ("cuda", "rocm", "intel"), preset.name


def test_what_was_found_in_no_source_is_marked_and_told() -> None:
    unchecked = {preset.shown(memory) for preset in presets() if not preset.checked for memory in preset.memory}
    assert {"RX 5500 XT 8GB", "M3 Max 96GB", "M3 Max 64GB"} < unchecked
    for name, told in (
        ("RX 5500 XT 8GB", True),
        ("RX 5500 XT 4GB", False),
        ("M3 Max 64GB", True),
        ("M3 Max 36GB", False),
    ):
        notes = {note.key: str(note) for note in ask(machine=name).notes}
        assert ("hardware.given.unchecked" in notes) is told, name
        assert name in notes["hardware.given.source"]
        assert not told or name in notes["hardware.given.unchecked"]


def test_the_source_that_is_told_is_what_was_read() -> None:
    notes = {note.key: str(note) for note in ask(machine="M4 Max 64GB").notes}
    assert "Ars Technica" in notes["hardware.given.source"] and "2026-11-25" in notes["hardware.given.source"]
    assert all("data sheet" not in preset.source for preset in presets())


def test_macs_arithmetic_is_that_of_their_cores_and_clock() -> None:
    clocks = {"M1": 1.278, "M2": 1.398, "M3": 1.398, "M4": 1.578}
    for preset in presets():
        if preset.what == "mac":
            clock = clocks.get(preset.name.split()[0])
            expected = None if clock is None else pytest.approx(preset.gpu_cores * 256 * clock / 1000, abs=0.051)
            assert preset.tflops == expected, preset.name


def test_a_name_with_its_memory_means_one_entry() -> None:
    for preset in presets():
        for memory in preset.memory:
            assert find(preset.shown(memory)) == (preset, memory, 1), preset.name


@pytest.mark.parametrize(
    "name",
    re.split(
        r";\s*",
        """RTX 3060 12GB; RTX 3090; RTX 4090; RTX 5090; RTX PRO 6000 Blackwell; A100 80GB; H100; H200; L4; L40S; T4; RTX A6000;
    RTX A4000; V100 32GB; P40; GTX 1080 Ti; GTX 1660; Jetson AGX Orin 64GB; DGX Spark; RX 6600; RX 9070 XT; RX 7900 XTX; W7900;
    MI210; MI300X; Framework Desktop 128GB; Strix Halo 64GB; 7840HS 32GB; 8845HS 64GB; Arc A770 16GB; Arc B580; Arc Pro B60;
    M1 8GB; M1 Ultra 128GB; M2 Max 96GB; M3 Ultra 512GB; M4 Pro 48GB; M5 32GB; M5 Max 128GB; N100 16GB; Raspberry Pi 5 8GB;
    DDR4-3200 desktop 32GB; DDR5-5600 desktop 64GB""",
    ),
)
def test_what_people_own_is_there(name: str) -> None:
    assert ask(machine=name).source == "preset"


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        ("RTX 3090", 936),
        ("RTX 4090", 1008),
        ("RTX 5090", 1792),
        ("RX 7900 XTX", 960),
        ("MI300X", 5300),
        ("H100 SXM", 3350),
        ("M3 Max 36GB", 300),
        ("M3 Max 48GB", 400),
        ("M4 Max 36GB", 410),
        ("M4 Max 64GB", 546),
        ("Arc A770 8GB", 512),
        ("Arc A770 16GB", 560),
        ("DGX Spark", 273),
        ("Strix Halo 128GB", 256),
        ("DDR5-5600 desktop 32GB", 89.6),
    ],
)
def test_bandwidths(name: str, gigabytes: float) -> None:
    machine = ask(machine=name)
    rate = machine.devices[0].bandwidth if machine.devices else machine.bandwidth
    assert rate == pytest.approx(gigabytes * 1e9, rel=0.002)


# what was found


@pytest.mark.parametrize(
    ("name", "memory", "bandwidth"),
    [
        ("NVIDIA GeForce RTX 3090", 24 * GIB, 936.2e9),
        ("NVIDIA GeForce RTX 3060", 12 * GIB, 360e9),
        ("NVIDIA GeForce RTX 3060", 8 * GIB, 240e9),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", 16 * GIB, 576e9),
        ("NVIDIA A100-SXM4-80GB", 80 * GIB, 2039e9),
        ("NVIDIA A100-PCIE-40GB", 40 * GIB, 1555e9),
        ("NVIDIA A100 80GB PCIe", 80 * GIB, 1935e9),
        ("NVIDIA H100 80GB HBM3", 80 * GIB, 3350e9),
        ("Tesla V100-SXM2-16GB", 16 * GIB, 897e9),
        ("Tesla T4", 16 * GIB, 320e9),
        ("NVIDIA RTX 6000 Ada Generation", 48 * GIB, 960e9),
        ("Quadro RTX 6000", 24 * GIB, 672e9),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 96 * GIB, 1792e9),
        ("AMD Radeon RX 7900 XTX", 24 * GIB, 960e9),
        ("AMD Radeon PRO W7900", 48 * GIB, 864e9),
        ("Intel(R) Arc(TM) A770 Graphics", 16 * GIB, 560e9),
        ("NVIDIA GeForce RTX 3060", 6 * GIB, None),  # never sold like that: something else
        ("NVIDIA Graphics Device", 24 * GIB, None),
        ("", 24 * GIB, None),
    ],
)
def test_names_that_drivers_give(name: str, memory: int, bandwidth: float | None) -> None:
    assert known(Device(name, "cuda", memory, memory)).bandwidth == bandwidth


def test_integrated_graphics_on_modules_have_no_table() -> None:
    """The same Radeon 780M reads 51 to 120 GB/s, by the memory beside it."""
    assert known(Device("AMD Radeon 780M", "rocm", GIB, GIB, unified=True, integrated=True)).bandwidth is None


# sizes


def test_hardware_is_sold_in_gib_called_gb() -> None:
    assert (
        size("24GB", "--vram") == size("24", "--vram") == size("24 GiB", "--vram") == size("24g", "--vram") == 24 * GIB
    )
    assert (
        size("512MB", "--vram") == GIB // 2
        and size("1.5GB", "--ram") == 3 * GIB // 2
        and size("1TB", "--ram") == 1024 * GIB
    )


def test_several_cards() -> None:
    assert sizes("24GB,24GB", "--vram") == sizes("2x24GB", "--vram") == sizes("24GB，24GB", "--vram") == (24 * GIB,) * 2
    assert sizes("24GB,12GB", "--vram") == (24 * GIB, 12 * GIB)


@pytest.mark.parametrize("words", ["", "lots", "-4GB", "0", "24QB", "24GB,", "1e9", "nan", "9999999TB", "0x24GB"])
def test_what_is_no_size(words: str) -> None:
    error = problem(vram=words)
    assert error.key == "hardware.bad_size" and "--vram" in error.message


@given(st.text(max_size=30))
def test_any_words_are_a_machine_or_an_error(words: str) -> None:
    for asked in ({"machine": words}, {"ram": words}, {"vram": words}):
        try:
            machine = ask(**asked)
        except UsageError as error:
            assert str(error)
        else:
            assert 0 < machine.memory_free < machine.memory_total


# what if


def test_a_mac() -> None:
    machine = ask(machine="M4 Max 64GB")
    [graphics] = machine.devices
    assert machine.name == "M4 Max 64GB" and machine.unified
    assert machine.memory_total == 64 * GIB and machine.memory_free == 60 * GIB and machine.reserve == 4 * GIB
    assert graphics.memory_total == 48 * GIB and graphics.unified and graphics.memory_own == 0
    assert machine.memory_whole == 64 * GIB  # shared, not added
    assert machine.bandwidth == 546e9 and machine.bandwidth_basis == "table"
    assert ask(machine="Apple M4 Max", ram="64GB") == machine
    assert ask(machine="m4max 64g").row() == machine.row()


def test_a_card_alone_says_what_stands_around_it() -> None:
    machine = ask(machine="RTX 4090")
    assert machine.name == "RTX 4090 24GB, 32 GB RAM"
    assert machine.memory_total == 32 * GIB and machine.bandwidth == 51.2e9
    [card] = machine.devices
    assert (card.memory_total, card.memory_free, card.unified) == (24 * GIB, 24 * GIB - GIB // 2, False)
    assert "hardware.given.host" in {note.key for note in machine.notes}
    assert "hardware.given.host" not in {note.key for note in ask(machine="RTX 4090", ram="64GB").notes}
    assert ask(machine="4090").devices == ask(machine="nvidia geforce rtx4090").devices == machine.devices


def test_several_cards_are_not_one() -> None:
    machine = ask(machine="2x RTX 3090", ram="64GB")
    assert [device.memory_total for device in machine.devices] == [24 * GIB, 24 * GIB]
    assert "hardware.several" in {note.key for note in machine.notes}
    assert machine.memory_total == 64 * GIB == machine.memory_whole
    for words in ("2×3090", "2 * 3090", "RTX 3090 x2"):
        assert ask(machine=words, ram="64GB") == machine


def test_strix_halo_is_not_31_gigabytes() -> None:
    [graphics] = ask(machine="Framework Desktop 128GB").devices
    assert graphics.memory_total == 96 * GIB and graphics.bandwidth == 256e9
    assert graphics.name == "Radeon 8060S"
    # The 32 GB one is the smaller processor.
    [smaller] = ask(machine="Framework Desktop 32GB").devices
    assert smaller.name == "Radeon 8050S" and smaller.memory_total == 24 * GIB


def test_a_jetson_with_less_memory_has_fewer_cores() -> None:
    assert ask(machine="Jetson AGX Orin 64GB").cores == 12 and ask(machine="Jetson AGX Orin 32GB").cores == 8
    assert ask(machine="Orin NX 16GB").cores == 8 and ask(machine="Orin NX 8GB").cores == 6


def test_sizes_alone() -> None:
    machine = ask(ram="32GB", vram="24GB,12GB")
    assert machine.name == "24 GB GPU + 12 GB GPU + 32 GB RAM" and machine.source == "given"
    assert [device.memory_total for device in machine.devices] == [24 * GIB, 12 * GIB]
    assert all(device.bandwidth is None for device in machine.devices)
    assert machine.memory_total == 32 * GIB and machine.memory_free == 28 * GIB


def test_this_machine_with_other_memory_or_cards() -> None:
    here = detect()
    more = what_if(ram="512GB", vram=None, machine=None, base=here)
    assert more.memory_total == 512 * GIB and more.memory_free == 508 * GIB and more.source == "given"
    assert (more.processor, more.cores, more.limited_by) == (here.processor, here.cores, None)
    card = what_if(ram=None, vram="8GB", machine=None, base=here)
    assert (card.memory_total, card.memory_free) == (here.memory_total, here.memory_free)
    assert [device.memory_total for device in card.devices] == [8 * GIB]
    assert what_if(ram=None, vram=None, machine=None, base=here) is here


def test_more_memory_gives_shared_graphics_more() -> None:
    mac = replace(ask(machine="M4 32GB"), source="detected")
    larger = what_if(ram="64GB", vram=None, machine=None, base=mac)
    assert larger.devices[0].memory_total == 48 * GIB and larger.devices[0].bandwidth == 120e9


def test_a_small_machine_keeps_something() -> None:
    machine = ask(ram="1GB")
    assert machine.memory_free == GIB // 2


# errors


def test_an_unknown_name_lists_close_ones() -> None:
    error = problem(machine="RTX 4095")
    assert error.key == "hardware.unknown" and "RTX 4090" in str(error)
    assert "M4 Max" in str(problem(machine="M4 Mx 64GB"))
    assert problem(machine="toaster").key == "hardware.unknown"


def test_a_name_of_several_lists_them() -> None:
    error = problem(machine="RTX 3060")
    assert error.key == "hardware.ambiguous"
    assert "RTX 3060 8GB, RTX 3060 12GB" in error.message and '"RTX 3060 12GB"' in str(error.next)
    assert "M4 Max 36GB" in problem(machine="M4 Max").message


def test_memory_it_was_never_sold_with() -> None:
    error = problem(machine="RTX 4090 48GB")
    assert error.key == "hardware.no_such_memory" and "RTX 4090 24GB" in error.message


def test_what_does_not_go_together() -> None:
    assert problem(machine="RTX 4090", vram="24GB").key == "hardware.both"
    assert problem(machine="M4 Max 64GB", ram="32GB").key == "hardware.two_sizes"
    assert problem(machine="2x M4 Max 64GB").key == "hardware.whole"


def test_errors_and_notes_in_chinese() -> None:
    text.set_language("zh")
    try:
        assert "RTX 3060 12GB" in problem(machine="RTX 3060").message
        assert all(re.search("[\u4e00-\u9fff]", str(note)) for note in ask(machine="2x RTX 4090").notes)
    finally:
        text.set_language("en")
