"""Cores that matter, vector extensions, caches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

from homeroom.hardware import processor


def topology(root: Path, siblings: dict[int, str]) -> None:
    for number, listed in siblings.items():
        folder = root / f"devices/system/cpu/cpu{number}/topology"
        folder.mkdir(parents=True)
        (folder / "core_cpus_list").write_text(listed + "\n", encoding="ascii")


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content + "\n", encoding="ascii")


def test_the_second_thread_of_a_core_does_not_count(tmp_path: Path) -> None:
    topology(tmp_path, {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"})
    assert processor.cores({0, 1, 2, 3}, tmp_path) == 2
    assert processor.cores({0, 2}, tmp_path) == 1


def test_efficiency_cores_do_not_count(tmp_path: Path) -> None:
    """A Core i5-12600K: 6 performance cores of two threads, 4 efficiency cores."""
    fast = {n: f"{n - n % 2}-{n - n % 2 + 1}" for n in range(12)}
    topology(tmp_path, fast | {n: str(n) for n in range(12, 16)})
    write(tmp_path / "devices/cpu_core/cpus", "0-11")
    write(tmp_path / "devices/cpu_atom/cpus", "12-15")
    assert processor.cores(set(range(16)), tmp_path) == 6
    assert processor.cores({12, 13}, tmp_path) == 2  # a container that has only those


def test_small_cores_of_arm_do_not_count(tmp_path: Path) -> None:
    """4 x Cortex-A55 and 4 x Cortex-A76."""
    topology(tmp_path, {n: str(n) for n in range(8)})
    for number in range(8):
        write(tmp_path / f"devices/system/cpu/cpu{number}/cpu_capacity", "414" if number < 4 else "1024")
    assert processor.cores(set(range(8)), tmp_path) == 4


def test_where_sysfs_does_not_tell(tmp_path: Path) -> None:
    assert processor.cores({0, 1}, tmp_path) is None
    assert processor.last_cache({0, 1}, tmp_path) is None


def test_vector_extensions(sample: Callable[[str], str]) -> None:
    epyc, pi = sample("cpuinfo-epyc.txt"), sample("cpuinfo-pi5.txt")
    assert processor.features(epyc) == ("avx", "avx2", "avx512f", "avx512_vnni", "fma", "f16c")
    assert processor.features(pi) == ("neon", "dotprod")
    assert processor.features("") == ()


def test_names(sample: Callable[[str], str]) -> None:
    assert processor.name(sample("cpuinfo-epyc.txt"), None) == "AMD EPYC 9654 96-Core Processor"
    board = "Raspberry Pi 5 Model B Rev 1.0"
    assert processor.name(sample("cpuinfo-pi5.txt"), board) == board
    assert processor.name("", None) is None


def test_apples_extensions() -> None:
    values = {"hw.optional.AdvSIMD": 1, "hw.optional.arm.FEAT_DotProd": 1, "hw.optional.arm.FEAT_I8MM": 0}
    assert processor.apple_features(values.get) == ("neon", "dotprod")


def test_each_last_cache_counts_once(tmp_path: Path) -> None:
    for number in range(4):
        cache = tmp_path / f"devices/system/cpu/cpu{number}/cache"
        write(cache / "index0/size", "48K")
        write(cache / "index0/shared_cpu_list", str(number))
        write(cache / "index3/size", "32768K")
        write(cache / "index3/shared_cpu_list", "0-1" if number < 2 else "2-3")
    assert processor.last_cache({0, 1, 2, 3}, tmp_path) == 64 << 20
    assert processor.last_cache({0, 1}, tmp_path) == 32 << 20


def test_lists() -> None:
    assert processor.cpu_list("0-3,8,10-11") == {0, 1, 2, 3, 8, 10, 11}
    assert processor.cpu_list("") == set()


def test_this_processor() -> None:
    threads = processor.usable_threads()
    assert 1 <= processor.this_cores(threads) <= threads <= (psutil.cpu_count() or 1)
    assert processor.this_name()
    assert set(processor.this_features()) <= set(processor.FEATURES)
