"""How fast this machine reads its main memory, measured in about a second, and kept in the home folder.

Knows that a decoder reads all weights once a token, with one thread a core, from memory that no cache holds; does not
know models. What is measured: every thread compares the two halves of a buffer of its own (C's ``memcmp``, which reads
two streams and writes nothing) and looks for a byte that is not there (``memchr``, one stream), through ctypes, which
lets go of Python's lock. The better of the two counts. What was measured while others were busy is used, but measured
again the next time. On a 2-core EPYC it gives 52 GB/s where a C program with AVX-512
loads and prefetch reads 50.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import mmap
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from homeroom.hardware import processor
from homeroom.hardware.machine import Machine
from homeroom.kept import number, read_json

FILE: Final = "bandwidth.json"
STEP: Final = 4 << 20
"""Bytes of one call: long against its cost, short against the time of a round."""
ROUNDS: Final = 3
"""Others use the machine too; the best round is the least disturbed."""
SMALLEST: Final = 256 << 20
LARGEST: Final = 8 << 30
UNKNOWN_CACHE: Final = 128 << 20
"""Taken where the system does not tell its caches; the largest of Apple's has 96 MB."""
BUSY: Final = 0.15
"""Part of the processor that others may have used during a measurement that is kept."""
HOLDS: Final = timedelta(days=30)
"""Memory is changed and firmware too."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Bytes a second, and when that was measured (ISO 8601, UTC).

    ``busy``: other programs used the processor at that time, so the real rate may be higher (message
    ``hardware.bandwidth_busy``).
    """

    bandwidth: float
    date: str
    busy: bool = False


def buffer_bytes(cache: int | None, free: int) -> int:
    """Size of all threads' buffers: four times the last caches, 256 MiB to 8 GiB, at most a quarter of *free* bytes."""
    wanted = min(max(4 * (cache or UNKNOWN_CACHE), SMALLEST), LARGEST)
    return min(wanted, max(free // 4, STEP))


def measure(threads: int, size: int, seconds: float = 0.8) -> float:
    """Bytes a second that *threads* threads read together from *size* bytes, in *seconds* and the time to fill them.

    Both ways of reading get half of the time, in ``ROUNDS`` rounds each.
    """
    library = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None)
    compare, find = library.memcmp, library.memchr
    compare.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    find.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    find.restype = ctypes.c_void_p
    half = max(size // threads // 2 // STEP, 1) * STEP
    ways: tuple[Callable[[int, int], object], ...] = (
        lambda at, offset: compare(at + offset, at + half + offset, STEP),
        lambda at, offset: (find(at + offset, 0, STEP), find(at + half + offset, 0, STEP)),
    )
    with contextlib.ExitStack() as stack:
        places = []
        for _ in range(threads):
            memory = stack.enter_context(contextlib.closing(mmap.mmap(-1, 2 * half)))
            anchor = ctypes.c_char.from_buffer(memory)
            # A buffer cannot be closed while ctypes points into it.
            stack.callback(_forget, [anchor])
            places.append(ctypes.addressof(anchor))
            del anchor
        _together([_filler(at, 2 * half) for at in places])
        rounds = [way for way in ways for _ in range(ROUNDS)]
        return max(_round(way, places, half, seconds / len(rounds)) for way in rounds)


def _forget(anchors: list[Any]) -> None:
    anchors.clear()


def _filler(at: int, size: int) -> Callable[[], None]:
    """Writes a buffer from the thread that will read it, so that its pages lie near."""

    def fill() -> None:
        ctypes.memset(at, 1, size)

    return fill


def _round(way: Callable[[int, int], object], places: list[int], half: int, seconds: float) -> float:
    read = [0] * len(places)
    start = time.perf_counter()
    end = start + seconds

    def reader(index: int) -> Callable[[], None]:
        def run() -> None:
            at, offset = places[index], 0
            while time.perf_counter() < end:
                way(at, offset)
                read[index] += 2 * STEP
                offset = (offset + STEP) % half

        return run

    _together([reader(index) for index in range(len(places))])
    return sum(read) / (time.perf_counter() - start)


def _together(tasks: list[Callable[[], None]]) -> None:
    workers = [threading.Thread(target=task) for task in tasks]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def measure_here(machine: Machine) -> float:
    """``measure`` with the threads and the buffer that suit this machine."""
    cache = processor.last_cache(processor.allowed_processors()) if sys.platform == "linux" else None
    return measure(machine.cores, buffer_bytes(cache, machine.memory_free))


def fingerprint(machine: Machine) -> dict[str, object]:
    """What must be the same for a measurement to hold: processor, cores that may be used, memory (in whole GiB)."""
    return {
        "processor": machine.processor,
        "cores": machine.cores,
        "memory": round(machine.memory_total / (1 << 30)),
        "system": machine.system.split()[0],
    }


def watch_others() -> Callable[[], bool]:
    """Begin to watch; the answer tells whether others have used more than ``BUSY`` of the processor since.

    Child processes count as ours once they have ended.
    """
    import psutil

    def own() -> float:
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system

    def used() -> float:
        times = psutil.cpu_times()._asdict()
        # Guests are part of user and nice; stolen time is another machine's on the same processor.
        idle = ("idle", "iowait", "guest", "guest_nice")
        return float(sum(spent for name, spent in times.items() if name not in idle))

    start, ours, others = time.perf_counter(), own(), used()

    def busy() -> bool:
        elapsed = time.perf_counter() - start
        if elapsed < 0.1:  # too short for the system's clock ticks of 10 ms
            return False
        spent = used() - others - (own() - ours)
        return spent / (elapsed * (psutil.cpu_count() or 1)) > BUSY

    return busy


def cached(
    home: Path,
    machine: Machine,
    *,
    measure: Callable[[Machine], float] = measure_here,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    watch: Callable[[], Callable[[], bool]] = watch_others,
) -> Measurement:
    """The measurement kept in *home* if it is this machine's, of a quiet time and not old, else a new one, which is kept.

    Of measurements in busy times the best counts. A file that is damaged or another machine's is replaced; a home that
    cannot be written only costs the next second.
    """
    kept = recorded(home, machine)
    fresh_enough = kept is not None and timedelta(days=-1) < now() - datetime.fromisoformat(kept.date) < HOLDS
    if kept is not None and fresh_enough and not kept.busy:
        return kept
    others = watch()
    value = measure(machine)
    fresh = _better(kept, Measurement(value, now().isoformat(timespec="seconds"), others()))
    content = {"machine": fingerprint(machine), "bandwidth": fresh.bandwidth, "date": fresh.date, "busy": fresh.busy}
    with contextlib.suppress(OSError):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written beside and moved, so that a reader never sees half of it.
        draft = home / f"{FILE}.{os.getpid()}.new"
        try:
            draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            draft.replace(home / FILE)
        finally:
            draft.unlink(missing_ok=True)
    return fresh


def _better(kept: Measurement | None, fresh: Measurement) -> Measurement:
    """What holds of two: others can only have made a rate lower."""
    if kept is None or fresh.bandwidth >= kept.bandwidth:
        return fresh
    if fresh.busy:
        return kept
    return replace(fresh, bandwidth=kept.bandwidth) if kept.busy else fresh


def recorded(home: Path, machine: Machine) -> Measurement | None:
    """The measurement kept in *home*, however old; None where there is none, it is damaged, or another machine's."""
    try:
        content = read_json(home / FILE)
        bandwidth, date = number(content["bandwidth"], 1e14), datetime.fromisoformat(content["date"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if content.get("machine") != fingerprint(machine) or bandwidth < 1e8 or date.tzinfo is None:
        return None
    return Measurement(bandwidth, date.isoformat(timespec="seconds"), content.get("busy") is True)
