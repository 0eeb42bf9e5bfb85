"""The grid of models x quantizations: every cell says what a full answer says."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from homeroom.fit.ask import Ask, batch_for
from homeroom.fit.chart import PUBLIC_EXTRA, chart, public
from homeroom.fit.rank import Candidate
from homeroom.fit.verdict import assess
from homeroom.hardware.machine import Machine
from homeroom.models import catalogue, mix
from support.shapes import GB, GIB, gpu, machine, model

WHERE = (machine(24 * GB), machine(64 * GB, gpu(24 * GIB)), machine(64 * GB, gpu(48 * GB, unified=True)))
FAMILY = ("deepseek-r1:1.5b", "deepseek-r1:7b", "deepseek-r1:70b", "deepseek-r1:671b")
OTHERS = ("gpt-oss:20b", "gemma3:4b", "granite4:tiny-h", "qwen3:30b")


@cache
def candidate(name: str) -> Candidate:
    entry = catalogue.find(name)
    assert entry is not None
    return Candidate({one: entry.summary(one) for one in entry.quantizations}, entry.kind, 2025.0)


@pytest.mark.parametrize("where", WHERE, ids=("processor", "card", "unified"))
@pytest.mark.parametrize("ask", [Ask(8192), Ask(32_768, parallel=4, kv_type="q8_0")])
def test_a_cell_is_what_a_full_answer_says(where: Machine, ask: Ask) -> None:
    names = (*FAMILY, *OTHERS)
    drawn = chart([candidate(name) for name in names], mix.GRID, where, ask)
    assert [row.name for row in drawn.rows] == [*names]
    for row in drawn.rows:
        for quantization, cell in zip(mix.GRID, row.cells, strict=True):
            facts = candidate(row.name).by_quantization.get(quantization)
            assert (cell is None) == (facts is None)
            if cell is None or facts is None:
                continue
            asked = replace(ask, context=min(ask.context, facts.context_length), batch=batch_for(facts, where))
            fit = assess(facts, where, asked)
            decode = None if fit.speed is None else fit.speed.decode.expected
            assert (cell.quantization, cell.bytes, cell.verdict) == (quantization, fit.memory.total, fit.verdict)
            assert cell.decode == decode


def test_coarser_is_never_larger() -> None:
    for row in chart([candidate(name) for name in FAMILY], mix.GRID, WHERE[0], Ask()).rows:
        sizes = [cell.bytes for cell in row.cells if cell is not None]
        assert sizes == sorted(sizes, reverse=True) and len(sizes) == len(mix.GRID)


def test_a_model_with_less_context_has_its_own_limit() -> None:
    short = Candidate({"Q4_K_M": model(context=2048)})
    (row,) = chart([short], ("Q4_K_M",), WHERE[0], Ask(context=131_072)).rows
    assert row.cells[0] is not None
    assert (
        row.cells[0].bytes
        == assess(model(context=2048), WHERE[0], Ask(2048, batch=batch_for(model(), WHERE[0]))).memory.total
    )


def test_a_quantization_that_is_not_to_be_had_is_an_empty_cell() -> None:
    (row,) = chart([Candidate({"Q4_K_M": model()})], ("Q8_0", "Q4_K_M"), WHERE[0], Ask()).rows
    assert row.cells[0] is None and row.cells[1] is not None
    assert row.row()["cells"][0] is None
    assert chart([Candidate({})], mix.GRID, WHERE[0], Ask()).rows == ()


def test_the_json_of_a_chart() -> None:
    data = chart([candidate("deepseek-r1:7b")], mix.GRID, WHERE[0], Ask()).row()
    assert data.keys() == {"machine", "context", "quantizations", "rows"} and data["context"] == 8192
    assert data["rows"][0].keys() == {"name", "parameters", "cells"}
    cell = data["rows"][0]["cells"][data["quantizations"].index("Q4_K_M")]
    assert cell.keys() == {"quantization", "total", "verdict", "decode"} and cell["verdict"] == "fits"


def test_what_the_public_chart_says_is_told_term_by_term() -> None:
    facts = candidate("deepseek-r1:70b").by_quantization["F32"]
    said = public(facts, 8192)
    assert said.total == said.weights + said.kv_cache + PUBLIC_EXTRA == 282_400_000_000 + 2_684_354_560 + 500_000_000
    exact = assess(facts, WHERE[0], Ask(8192, batch=8)).memory
    assert exact.kv_cache == said.kv_cache and abs(exact.total - said.total) < 0.01 * said.total
    assert public(facts, 8192, 2.0).weights == said.weights // 2
