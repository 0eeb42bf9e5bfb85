"""Cards in sysfs, their links, and names in pci.ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from homeroom.hardware import pci


def test_the_link_is_the_narrowest_on_the_way(sysfs: Callable[[str], Path]) -> None:
    """A card behind a switch of its own says x16; its slot has 4 lanes."""
    inside, card = pci.read_cards(sysfs("desktop-7900xtx.tree"))
    assert (inside.address, card.address) == ("0000:15:00.0", "0000:03:00.0")
    assert card.hops == ((4, 16), (4, 16), (4, 4), (5, 4))
    assert card.link == (4, 4)


@pytest.mark.parametrize(
    ("generation", "lanes", "gigabytes"), [(1, 16, 4.0), (3, 16, 15.75), (4, 16, 31.5), (4, 4, 7.88), (5, 16, 63.0)]
)
def test_rates(generation: int, lanes: int, gigabytes: float) -> None:
    """PCI-SIG's figures for one direction."""
    assert pci.bandwidth(generation, lanes) == pytest.approx(gigabytes * 1e9, rel=0.002)


def test_speeds_in_both_spellings() -> None:
    said = ("16.0 GT/s PCIe", "8 GT/s", "2.5 GT/s PCIe", "Unknown")
    assert [pci.generation_of(speed) for speed in said] == [4, 3, 1, None]


def test_names(sample: Callable[[str], str]) -> None:
    listing = sample("pci.ids")
    assert pci.name_of(listing, 0x8086, 0xE20B) == "Arc B580"
    assert pci.name_of(listing, 0x10DE, 0x2204) == "GeForce RTX 3090"
    assert pci.name_of(listing, 0x1002, 0x2204) is None
    assert pci.name_of(listing, 0x1234, 0x1111) is None


def test_where_there_is_no_sysfs(tmp_path: Path) -> None:
    assert pci.read_cards(tmp_path) == ()
    assert list(pci.displays(tmp_path)) == []
