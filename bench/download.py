"""How fast a file comes over loopback beside ``curl --output``, and how much memory that takes.

    python bench/download.py [--runs N] [--megabytes N] [--folder FOLDER] [--json]

Runs come in pairs, curl and homeroom in turn, from a server in a process of its own (sendfile) into a folder in memory, so
that the disk is not what is measured. curl does not hash; homeroom does, so "curl, then SHA-256" is the same work. Targets:
within 5 % of curl; faster than curl where the server limits each connection; memory flat for a file of 2 GB.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common import report, spread
from homeroom.models.download.fetching import Pace, fetch
from homeroom.models.http import Client, Network
from homeroom.models.remote import RemoteFile

MB = 1_000_000
STEP = 1 << 18


# ---- the server


def serve(path: Path, rate: float) -> None:
    """Send *path* to whoever asks, *rate* bytes a second to each connection (0: as fast as it goes), until killed."""
    with path.open("rb") as file, socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=answer, args=(connection, file.fileno(), rate), daemon=True).start()


def answer(connection: socket.socket, file: int, rate: float) -> None:
    size = os.fstat(file).st_size
    with connection:
        while head := request(connection):
            found = re.search(rb"(?i)\r\nrange: bytes=(\d+)-(\d+)", head)
            start, end = (int(found[1]), min(size, int(found[2]) + 1)) if found else (0, size)
            told = f"206 Partial Content\r\nContent-Range: bytes {start}-{end - 1}/{size}" if found else "200 OK"
            told += f'\r\nContent-Length: {end - start}\r\nAccept-Ranges: bytes\r\nETag: "one"'
            connection.sendall(f"HTTP/1.1 {told}\r\n\r\n".encode())
            begun = time.monotonic()
            at = end if head.startswith(b"HEAD") else start
            while at < end:
                count = min(end - at, STEP if rate else 4 * STEP)
                at += os.sendfile(connection.fileno(), file, at, count)
                if rate:
                    time.sleep(max(0.0, begun + (at - start) / rate - time.monotonic()))


def request(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(1 << 16)
        if not more:
            return b""
        head += more
    return head


@contextmanager
def serving(path: Path, rate: float = 0) -> Iterator[str]:
    """The address of a server of *path* in a process of its own."""
    command = [sys.executable, __file__, "--serve", str(path), "--rate", str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}/m.gguf"
        server.kill()


# ---- who fetches


def curl(url: str, folder: Path) -> float:
    """Seconds of curl."""
    begun = time.perf_counter()
    subprocess.run(["curl", "--silent", "--fail", "--output", str(folder / "out"), url], check=True)
    return time.perf_counter() - begun


def curl_and_digest(url: str, folder: Path) -> float:
    """Seconds of curl and of the digest of what came, which is what it takes to know that it is right."""
    begun = time.perf_counter()
    curl(url, folder)
    with (folder / "out").open("rb") as file:
        hashlib.file_digest(file, "sha256")
    return time.perf_counter() - begun


def homeroom(url: str, folder: Path, size: int, sha256: str, connections: int) -> float:
    """Seconds of homeroom, from the first request to the name that the whole file gets."""

    async def run() -> float:
        async with Client(Network()) as client:
            begun = time.perf_counter()
            await fetch(
                client,
                RemoteFile("m.gguf", url, size, sha256),
                blob=lambda _: folder / "out",
                partial=folder / "partial",
                progress=lambda here, total: None,
                pace=Pace(connections),
            )
            return time.perf_counter() - begun

    return asyncio.run(run())


def alternating(ways: dict[str, Callable[[], float]], folder: Path, runs: int) -> dict[str, list[float]]:
    """Seconds of each way, all of them in turn; the first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(runs + 1):
        for name, way in ways.items():
            spent = way()
            (folder / "out").unlink()
            if number:
                seconds[name].append(spent)
    return seconds


def compare(title: str, seconds: dict[str, list[float]], size: int, *, as_json: bool) -> None:
    """Rates, and each way's time against that of the first way in the same round."""
    rows = {name: spread([size / MB / spent for spent in times]) for name, times in seconds.items()}
    report(title, rows, "MB/s", as_json=as_json)
    first = next(iter(seconds.values()))
    ratios = {name: [a / b for a, b in zip(times, first, strict=True)] for name, times in seconds.items()}
    rows = {name: spread(ratio) for name, ratio in ratios.items() if statistics.median(ratio) != 1}
    report("time, as a multiple of curl's in the same round", rows, "", as_json=as_json)


# ---- memory


def memory(url: str, folder: Path, size: int, sha256: str) -> float:
    """Megabytes that a process of its own needed at most for fetching, over what it had before."""
    command = [sys.executable, __file__, "--grown", url, "--folder", str(folder), "--size", str(size)]
    return float(subprocess.check_output([*command, "--sha256", sha256]))


def grown(url: str, folder: Path, size: int, sha256: str) -> float:
    before = peak()
    homeroom(url, folder, size, sha256, 4)
    return (peak() - before) / MB


def peak() -> int:
    """The most resident memory of this process so far, in bytes. ``getrusage`` counts its parent's too."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("this kernel does not tell")


def make(path: Path, size: int) -> str:
    """A file of random bytes; its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        while (left := size - file.tell()) > 0:
            block = os.urandom(min(left, 1 << 22))
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def bench(folder: Path, runs: int, size: int, *, as_json: bool) -> None:
    source = folder / "source"

    def ways(url: str, size: int, sha256: str) -> dict[str, Callable[[], float]]:
        return {
            "curl": lambda: curl(url, folder),
            "homeroom, 4 connections": lambda: homeroom(url, folder, size, sha256, 4),
            "homeroom, 1 connection": lambda: homeroom(url, folder, size, sha256, 1),
            "curl, then SHA-256": lambda: curl_and_digest(url, folder),
        }

    sha256 = make(source, size)
    with serving(source) as url:
        seconds = alternating(ways(url, size, sha256), folder, runs)
    compare(f"one file of {size / MB:.0f} MB", seconds, size, as_json=as_json)
    size = size // 8
    sha256 = make(source, size)
    for rate in (50 * MB, 250 * MB):
        with serving(source, rate) as url:
            seconds = alternating(ways(url, size, sha256), folder, max(2, runs // 3))
        title = f"{size / MB:.0f} MB from a server that sends each connection {rate / MB:.0f} MB/s"
        compare(title, seconds, size, as_json=as_json)
    if sys.platform == "linux":
        rows = {f"a file of {megabytes} MB": memories(source, folder, megabytes * MB) for megabytes in (200, 2000)}
        report("peak memory over that before", rows, "MB", as_json=as_json)


def memories(source: Path, folder: Path, size: int) -> dict[str, float]:
    """What three processes needed, one after another."""
    sha256, figures = make(source, size), []
    with serving(source) as url:
        for _ in range(3):
            figures.append(memory(url, folder, size, sha256))
            (folder / "out").unlink()
    return spread(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm") if Path("/dev/shm").is_dir() else None)
    parser.add_argument("--json", action="store_true")
    for hidden in ("--serve", "--grown", "--sha256"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=float, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(Path(options.serve), options.rate)
    elif options.grown:
        print(grown(options.grown, options.folder, options.size, options.sha256))
    elif shutil.which("curl") is None:
        parser.error("there is no curl to compare with")
    else:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            bench(Path(folder), options.runs, options.megabytes * MB, as_json=options.json)


if __name__ == "__main__":
    main()
