"""What homeroom keeps comes back whole or not at all, whatever lies in its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homeroom.kept import number, read_json, whole


def test_it_comes_back(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text('{"a": [1, 2.5, null]}', encoding="utf-8")
    assert read_json(tmp_path / "kept") == {"a": [1, 2.5, None]}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"NaN", b"[Infinity]", b"-Infinity", b"[" * 100_000, b"9" * 5000]
)
def test_damage_is_a_value_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "kept").write_bytes(content)
    with pytest.raises(ValueError):
        read_json(tmp_path / "kept")


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"1" + b" " * 100)
    assert read_json(tmp_path / "kept", 101) == 1
    with pytest.raises(ValueError, match="larger"):
        read_json(tmp_path / "kept", 100)


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices in folders are POSIX")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero", ".", "missing"):
        with pytest.raises(OSError):
            read_json(tmp_path / name)


def test_numbers() -> None:
    assert (whole(0), whole((1 << 63) - 1), number(1, 2), number(0.5, 1)) == (0, (1 << 63) - 1, 1.0, 0.5)
    for one in (True, -1, 1 << 63, 1.0, "1", None):
        with pytest.raises(ValueError):
            whole(one)
    strange: tuple[object, ...] = (True, -0.1, 10**400, float("nan"), float("inf"), "1", None, [])
    for value in strange:
        with pytest.raises(ValueError):
            number(value, 1e300)
