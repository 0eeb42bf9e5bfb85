"""The machine: this one for real, and containers' limits from recorded cgroup trees (written by hand after the kernel's
documentation, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst)."""

from __future__ import annotations

from pathlib import Path

import psutil

from homeroom.hardware.machine import cgroup_memory, detect

GIB = 1 << 30


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
