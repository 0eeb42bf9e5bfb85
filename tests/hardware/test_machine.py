"""The machine: this one for real, and containers' limits from recorded cgroup trees (written by hand after the kernel's
documentation, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst)."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import psutil

from homeroom.hardware.device import Device, Reading
from homeroom.hardware.machine import Machine, cgroup_memory, detect, with_bandwidth, with_devices
from homeroom.text import sentence

GIB = 1 << 30
BARE = Machine("m", "Linux", "cpu", 8, 16, 64 * GIB, 50 * GIB, None)
CARD = Device("NVIDIA GeForce RTX 3060", "cuda", 12 * GIB, 11 * GIB, memory_own=12 * GIB)
LARGE = Device("NVIDIA GeForce RTX 3090", "cuda", 24 * GIB, 23 * GIB, memory_own=24 * GIB)
INSIDE = Device("AMD Radeon 780M", "rocm", 33 * GIB, 30 * GIB, unified=True, integrated=True, memory_own=GIB)


def tree(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="ascii")


def test_this_machine() -> None:
    machine = detect()
    assert 0 < machine.memory_free <= machine.memory_total <= psutil.virtual_memory().total
    assert 1 <= machine.cores <= machine.threads
    assert machine.processor


def test_cgroup_v2_the_tightest_of_the_parents_counts(tmp_path: Path) -> None:
    root, membership = tmp_path / "cgroup", tmp_path / "self"
    membership.write_text("0::/user.slice/app\n", encoding="ascii")
    tree(
        root,
        {
            "user.slice/memory.max": f"{4 * GIB}\n",
            "user.slice/memory.current": f"{3 * GIB}\n",
            "user.slice/memory.stat": f"anon 1\ninactive_file {GIB // 2}\n",
            "user.slice/app/memory.max": "max\n",
            "user.slice/app/memory.current": "1000\n",
        },
    )
    assert cgroup_memory(root, membership) == (4 * GIB, GIB + GIB // 2)


def test_cgroup_v1(tmp_path: Path) -> None:
    root, membership = tmp_path / "cgroup", tmp_path / "self"
    membership.write_text("11:cpu,cpuacct:/x\n9:memory:/docker/abc\n", encoding="ascii")
    tree(
        root,
        {
            "memory/docker/abc/memory.limit_in_bytes": f"{2 * GIB}\n",
            "memory/docker/abc/memory.usage_in_bytes": f"{GIB}\n",
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/memory.usage_in_bytes": "5\n",
        },
    )
    assert cgroup_memory(root, membership) == (2 * GIB, GIB)


def test_no_limit_is_none(tmp_path: Path) -> None:
    membership = tmp_path / "self"
    membership.write_text("0::/\n", encoding="ascii")
    assert cgroup_memory(tmp_path / "cgroup", membership) is None
    assert cgroup_memory(tmp_path / "cgroup", tmp_path / "absent") is None


def test_looking_for_graphics_finds_only_what_computes() -> None:
    """Whatever machine this runs on."""
    machine = detect(devices=True)
    json.dumps(asdict(machine))
    for device in machine.devices:
        assert 0 <= device.memory_free <= device.memory_total and device.memory_total > 0
        assert device.kind in ("cuda", "rocm", "metal", "intel", "vulkan")
    assert all(str(found) for found in machine.notes)


def test_the_order_is_cards_first_and_the_larger_first() -> None:
    machine = with_devices(BARE, Reading((INSIDE, CARD, LARGE)))
    assert [device.name for device in machine.devices] == [LARGE.name, CARD.name, INSIDE.name]
    assert not machine.unified
    assert with_devices(BARE, Reading((INSIDE,))).unified


def test_several_cards_are_said_to_be_several() -> None:
    assert [found.key for found in with_devices(BARE, Reading((CARD, LARGE))).notes] == ["hardware.several"]
    assert with_devices(BARE, Reading((CARD, INSIDE))).notes == ()


def test_shared_memory_is_not_added_twice() -> None:
    assert with_devices(BARE, Reading((CARD,))).memory_whole == 64 * GIB
    assert with_devices(BARE, Reading((INSIDE,))).memory_whole == 65 * GIB  # the firmware took that one from 65


def test_a_measured_rate_is_that_of_what_shares_the_memory() -> None:
    machine = with_bandwidth(with_devices(BARE, Reading((CARD, INSIDE))), 70e9)
    card, inside = machine.devices
    assert (machine.bandwidth, machine.bandwidth_basis) == (70e9, "measured")
    assert (card.bandwidth, card.bandwidth_basis) == (360e9, "table")
    assert (inside.bandwidth, inside.bandwidth_basis) == (70e9, "measured")


def test_the_row_is_the_contract() -> None:
    row = with_bandwidth(with_devices(BARE, Reading((CARD,))), 70e9).row()
    assert list(row) == ["name", "source", "devices", "memory_total", "memory_free"]
    assert [device["kind"] for device in row["devices"]] == ["cuda", "cpu"]
    assert row["devices"][1] == {
        "name": "cpu",
        "kind": "cpu",
        "memory_total": 64 * GIB,
        "memory_free": 50 * GIB,
        "bandwidth": 70e9,
    }
    assert row["source"] == "detected"


def test_notes_of_a_probe_stay() -> None:
    trouble = sentence("hardware.nvidia.mismatch", code=18)
    machine = with_devices(BARE, Reading(notes=(trouble,)))
    assert machine.devices == () and machine.notes == (trouble,)


def test_detection_is_quick_and_starts_nothing() -> None:
    """``homeroom list`` waits for it. The makers' modules are not even imported."""
    code = (
        "import sys, subprocess; subprocess.Popen = None\n"
        "from homeroom.hardware.machine import detect; detect()\n"
        "print([name for name in sys.modules if name.startswith('homeroom.hardware.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for module in ("nvidia", "amd", "intel", "apple", "presets"):
        assert f"hardware.{module}'" not in done.stdout
