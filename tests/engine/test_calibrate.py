"""Calibration with the real engine: models of no weights that run, and rates that follow from them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from homeroom.engine import calibrate as calibration
from homeroom.engine.calibrate import Shape, calibrate
from homeroom.engine.plan import Ask, make_plan
from homeroom.engine.timing import measure
from homeroom.errors import DiskFull
from homeroom.fit.ask import Ask as Question
from homeroom.fit.placement import place
from homeroom.fit.speed import predict
from homeroom.fit.verdict import estimate_for
from homeroom.hardware.machine import detect
from homeroom.models.inspect import inspect


def test_a_shape_is_a_model_whose_weights_are_holes(tmp_path: Path) -> None:
    shape = Shape("Q4_K", 2)
    path = shape.write(tmp_path / "m.gguf")
    facts = inspect(path)
    assert facts.weights is not None and dict(facts.weights.reads)["Q4_K"] == shape.parameters * 144 // 256
    assert facts.file_bytes > 150_000_000
    if os.name == "posix":
        assert path.stat().st_blocks * 512 < 1_000_000


async def test_a_full_disk_is_told_before_a_hole_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "free_bytes", lambda _: 1 << 20)
    with pytest.raises(DiskFull) as caught:
        await calibrate(detect(), tmp_path, now="2026-11-24T00:00:00+00:00", seconds=1.0, types=("Q8_0",))
    assert caught.value.key == "speed.disk_full" and "TMPDIR" in (caught.value.next or "")


async def test_one_type_is_calibrated_and_foretells_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one core and with wide bounds: others are busy where tests run. The magnitude must be right all the same."""
    monkeypatch.setattr(calibration, "DEPTH", 512)
    machine, steps = replace(detect(), cores=1), list[float]()
    found = await calibrate(
        machine,
        tmp_path,
        now="2026-11-24T00:00:00+00:00",
        seconds=8.0,
        types=("Q8_0",),
        on_step=lambda name, part: steps.append(part),
        watch=lambda: lambda: True,
    )
    assert found.busy and found.of(machine) and found.date.startswith("2026-11-24")
    assert steps == sorted(steps) and steps[-1] == 1.0
    assert [rate.name for rate in found.types] == ["Q8_0"]
    batches = [batch for batch, _ in found.types[0].seconds]
    assert batches[:4] == [1, 8, 16, 32]
    assert 1e8 < found.types[0].bytes_per_second < 1e13
    assert {(rate.name, rate.head) for rate in found.attention} == {
        (name, head) for name in ("f16", "q8_0", "q4_0") for head in (64, 128)
    }
    facts = inspect(
        Shape("Q8_0", 4, embedding=1024, feed_forward=2816, heads=16, kv_heads=4, head=64).write(tmp_path / "m")
    )
    plan = make_plan(facts, machine, Ask(context=1024, parallel=1))
    (measured,) = await measure(facts, plan, tmp_path, depths=(64,), generate=16)
    question = Question(context=64, batch=measured.batch)
    parts = place(facts, machine, question, estimate_for(facts, question)).parts
    told = predict(facts, parts, machine, context=64, kv_type="f16", batch=measured.batch, calibration=found)
    assert told is not None and told.basis == "calibrated"
    assert measured.decode[1] / 10 < told.decode.expected < measured.decode[1] * 10
