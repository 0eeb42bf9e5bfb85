"""A real model, timed: at each depth that its context holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeroom.engine.plan import Ask, make_plan
from homeroom.engine.timing import measure
from homeroom.hardware.machine import detect
from homeroom.models.facts import ModelFacts


async def test_a_real_model_is_measured_at_each_depth_that_fits(starter: ModelFacts, tmp_path: Path) -> None:
    plan = make_plan(starter, detect(), Ask(context=512, parallel=1, threads=1))
    found = await measure(starter, plan, tmp_path, depths=(64, 256, 1024), generate=8, times=1)
    assert [each.depth for each in found] == [64, 256]
    for each in found:
        assert 0 < each.decode[0] <= each.decode[1] <= each.decode[2]
        assert each.prefill[1] > 0 and each.threads == 1 and each.batch == plan.number("batch")


async def test_a_first_depth_beyond_the_context_is_shortened(starter: ModelFacts, tmp_path: Path) -> None:
    plan = make_plan(starter, detect(), Ask(context=256, parallel=1, threads=1))
    (found,) = await measure(starter, plan, tmp_path, depths=(4096,), generate=8, times=1)
    assert found.depth == pytest.approx(247, abs=1)
