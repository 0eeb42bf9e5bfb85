"""The port, and what one gateway makes and takes away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import statistics
import time
from pathlib import Path

import pytest

from homeroom.engine import local
from homeroom.errors import PortTaken, RuntimeFailure
from homeroom.gateway.server import _Handler, open_port
from support.gateways import Running


def test_a_taken_port_names_another() -> None:
    with open_port("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} ") as caught:
            open_port("127.0.0.1", port)
        assert f"--port {port + 1}" in (caught.value.next or "")


def test_a_port_that_may_not_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeFailure, match="cannot be opened"):
        open_port("192.0.2.1", 0)  # an address that is nobody's


def test_only_loopback_listens(gateway: Running) -> None:
    assert gateway.url.startswith("http://127.0.0.1:")
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", gateway.port), timeout=1):
        pass


def test_an_answer_does_not_wait_for_an_acknowledgement(gateway: Running) -> None:
    """Without TCP_NODELAY each answer after the first on a connection takes 40 ms longer."""
    spent = []
    with gateway.http() as client:
        for _ in range(15):
            begun = time.perf_counter()
            client.get("/api/version")
            spent.append(time.perf_counter() - begun)
    assert statistics.median(spent) < 0.03


def test_the_local_socket_lends_a_key_that_may_administer(gateway: Running) -> None:
    found = asyncio.run(local.find_gateway(gateway.home))
    assert found is not None
    assert found.base_url == gateway.url
    with gateway.http(found.key) as client:
        assert client.get("/homeroom/status").status_code == 200
    assert local.socket_path(gateway.home).stat().st_mode & 0o077 == 0


def test_a_log_that_cannot_be_written_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handler = _Handler("/dev/full", encoding="utf-8")
    record = logging.LogRecord("homeroom", logging.INFO, __file__, 1, "a line", (), None)
    for _ in range(3):
        handler.emit(record)
    with contextlib.suppress(OSError):  # what it could not write is still in its buffer
        handler.close()
    told = capsys.readouterr().err
    assert told.count("/dev/full cannot be written") == 1 and "Traceback" not in told
