"""A calibration's file: whole, or as good as none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from homeroom.fit import calibration

GOOD: dict[str, Any] = {
    "version": calibration.VERSION,
    "processor": "p",
    "threads": 2,
    "engine": "e",
    "date": "2026-11-25",
    "types": [{"name": "Q8_0", "seconds": [[1, 1e-10], [8, 2e-10]]}],
    "attention": [{"name": "f16", "head": 64, "cell": 1e-9, "prompt": [[8, 1e-9]]}],
    "token": 1e-4,
    "layer": [[1, 1e-6]],
    "vocabulary": 1e-9,
    "spread": 0.1,
}


def test_it_comes_back(tmp_path: Path) -> None:
    whole = calibration.from_row(GOOD)
    calibration.save(whole, tmp_path)
    assert calibration.read(tmp_path) == whole


@pytest.mark.parametrize("value", ["1e999", "Infinity", "NaN", "-1", "true", '"1"', "null", "9" * 400, "[" * 100_000])
@pytest.mark.parametrize("name", ["token", "vocabulary", "spread", "threads", "layer"])
def test_a_damaged_figure_is_as_none(tmp_path: Path, name: str, value: str) -> None:
    written = json.dumps({**GOOD, name: "HERE"}).replace('"HERE"', value)
    (tmp_path / calibration.FILE).write_text(written, encoding="utf-8")
    assert calibration.read(tmp_path) is None


@pytest.mark.parametrize(
    "curve", [[], [[0, 1]], [[1, 0]], [[1, 1], [1, 2]], [[8, 1], [1, 1]], [[1, 1e-300]], [[1.5, 1]], 7]
)
def test_a_senseless_curve_is_as_none(tmp_path: Path, curve: object) -> None:
    (tmp_path / calibration.FILE).write_text(json.dumps({**GOOD, "layer": curve}), encoding="utf-8")
    assert calibration.read(tmp_path) is None


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices in folders are POSIX")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / calibration.FILE)
    assert calibration.read(tmp_path) is None
    (tmp_path / calibration.FILE).unlink()
    (tmp_path / calibration.FILE).symlink_to("/dev/zero")
    assert calibration.read(tmp_path) is None
