"""The local socket of a home: found while a gateway serves, not found after its death, closed to other users."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from homeroom.engine.local import LocalGateway, find_gateway, listen, only_one, socket_path
from homeroom.errors import RuntimeFailure

HERE = LocalGateway(base_url="http://127.0.0.1:1", key="hr-x", pid=1, version="0")


async def test_found_while_it_listens(tmp_path: Path) -> None:
    assert await find_gateway(tmp_path) is None
    server = await listen(tmp_path, lambda: HERE)
    try:
        assert await find_gateway(tmp_path) == HERE
        mode = socket_path(tmp_path).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
    finally:
        server.close()
        await server.wait_closed()


async def test_a_file_that_a_killed_gateway_left_counts_as_none_and_is_replaced(tmp_path: Path) -> None:
    server = await listen(tmp_path, lambda: HERE)
    server.close()
    await server.wait_closed()
    assert await find_gateway(tmp_path) is None
    server = await listen(tmp_path, lambda: HERE)
    try:
        assert await find_gateway(tmp_path) == HERE
    finally:
        server.close()
        await server.wait_closed()


async def test_a_home_with_a_very_long_path(tmp_path: Path) -> None:
    home = tmp_path / ("deep" * 40)
    home.mkdir()
    server = await listen(home, lambda: HERE)
    try:
        assert await find_gateway(home) == HERE
        assert len(str(socket_path(home))) < 100
        assert stat.S_IMODE(socket_path(home).parent.stat().st_mode) == 0o700
    finally:
        server.close()
        await server.wait_closed()
        socket_path(home).unlink(missing_ok=True)


def test_a_home_has_one_gateway(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(RuntimeFailure, match="homeroom ps"), only_one(tmp_path):
        pass
    with only_one(tmp_path):  # free again
        pass
