"""The grid of models x quantizations on one machine: a verdict, bytes and tokens/s in each cell.

Pure. Also reckons what the public chart that inspired it shows, so that the difference can be explained.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from homeroom.fit.ask import Ask
from homeroom.fit.calibration import Calibration
from homeroom.fit.memory import Memory, kv_bytes_per_token
from homeroom.fit.placement import Verdict, place
from homeroom.fit.rank import Candidate
from homeroom.fit.verdict import Pace, estimate_for, requantized, within
from homeroom.hardware.machine import Machine
from homeroom.models.facts import ModelFacts

PUBLIC_EXTRA: Final = 500_000_000
"""What the public chart adds for everything but weights and cache."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One model in one quantization. ``decode`` in tokens/s, None where it is not known or does not fit."""

    quantization: str
    bytes: int
    verdict: Verdict
    decode: float | None

    def row(self) -> dict[str, Any]:
        decode = None if self.decode is None else round(self.decode, 2)
        return {
            "quantization": self.quantization,
            "total": self.bytes,
            "verdict": self.verdict,
            "decode": decode,
        }


@dataclass(frozen=True, slots=True)
class ChartRow:
    """A model's cells, one for each quantization asked for; None where it is not to be had."""

    name: str
    parameters: int
    cells: tuple[Cell | None, ...]

    def row(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "parameters": self.parameters,
            "cells": [None if cell is None else cell.row() for cell in self.cells],
        }


@dataclass(frozen=True, slots=True)
class Chart:
    """The grid: ``cells`` of each row are in the order of ``quantizations``."""

    machine: Machine
    context: int
    quantizations: tuple[str, ...]
    rows: tuple[ChartRow, ...]

    def row(self) -> dict[str, Any]:
        """As JSON, sizes in bytes, speeds in tokens/s."""
        return {
            "machine": self.machine.row(),
            "context": self.context,
            "quantizations": list(self.quantizations),
            "rows": [row.row() for row in self.rows],
        }


def chart(
    candidates: Iterable[Candidate],
    quantizations: Sequence[str],
    machine: Machine,
    ask: Ask,
    calibration: Calibration | None = None,
) -> Chart:
    """A row for each candidate, in their order; a model whose limit is below the context asked for has its own limit."""
    rows: list[ChartRow] = []
    for candidate in candidates:
        known = candidate.by_quantization
        if not known:
            continue
        first = next(iter(known.values()))
        # Cache and scratch are the same in every quantization.
        asked = within(ask, first, machine)
        memory = estimate_for(first, asked)
        pace = Pace(first, machine, asked, calibration)
        cells = tuple(
            _cell(known[name], name, machine, asked, memory, pace) if name in known else None for name in quantizations
        )
        rows.append(ChartRow(first.name, first.parameters, cells))
    return Chart(machine, ask.context, tuple(quantizations), tuple(rows))


def _cell(facts: ModelFacts, quantization: str, machine: Machine, ask: Ask, like: Memory, pace: Pace) -> Cell:
    memory = requantized(like, facts)
    placement = place(facts, machine, ask, memory)
    return Cell(quantization, memory.total, placement.verdict, pace.expected(placement))


@dataclass(frozen=True, slots=True)
class Public:
    """What the public chart says of a model at float32, term by term, in bytes."""

    parameters: float
    """In billions, rounded to one digit as the chart rounds them."""
    weights: int
    kv_cache: int
    extra: int = PUBLIC_EXTRA

    @property
    def total(self) -> int:
        return self.weights + self.kv_cache + self.extra


def public(facts: ModelFacts, context: int, bytes_per_weight: float = 4.0) -> Public:
    """``parameters x bytes + cache (f16) + 0.5 GB``: 285.6 GB for the 70B in float32 at 8,192 tokens."""
    billions = round(facts.parameters / 1e9, 1)
    return Public(billions, int(billions * 1e9 * bytes_per_weight), kv_bytes_per_token(facts, "f16") * context)
