"""What a machine's processor was measured to do with models, in one frozen object, and the file that keeps it.

Knows how the figures are kept and when they are no longer of this machine; does not know how they are measured
(``engine/calibrate``) nor what follows from them (``speed``).
"""

from __future__ import annotations

import bisect
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from homeroom.hardware.machine import Machine
from homeroom.kept import number, read_json, whole
from homeroom.models.quantization import TENSOR_TYPES
from homeroom.version import engine_version

FILE: Final = "calibration.json"
VERSION: Final = 1
"""Of the file's layout; another one is measured again."""

_LEAST: Final = 1e-18
"""Seconds for one parameter or cell: less than any processor takes."""
_LONGEST: Final = 1e3
_MOST_BATCH: Final = 1 << 20
_MOST_HEAD: Final = 1 << 16
_BITS: Final = {kind.name: kind.bits for kind in TENSOR_TYPES.values()}

Curve = tuple[tuple[int, float], ...]
"""``(batch, value)`` by rising batch."""


@dataclass(frozen=True, slots=True)
class TypeRate:
    """How fast weights of one tensor type are computed with.

    ``seconds`` is the time per parameter *for a whole batch*, by batch; batch 1 is decode. It grows with the batch from
    where reading the weights is no longer what takes the time.
    """

    name: str
    seconds: Curve

    @property
    def bytes_per_second(self) -> float:
        """Bytes of weights that go by in a second while one token is generated."""
        return _BITS[self.name] / 8 / self.seconds[0][1]

    def batch(self, tokens: float) -> float:
        """Seconds per parameter for a batch of *tokens*."""
        return in_proportion(self.seconds, tokens)


@dataclass(frozen=True, slots=True)
class AttentionRate:
    """How fast attention goes over a cache of one type by heads of one size.

    ``cell`` is seconds per query head and cell while one token is generated; ``prompt`` the same for each token of a
    prompt, by batch. A larger head takes longer, but not in proportion.
    """

    name: str
    head: int
    """Elements of a head's key and value, in the mean of both."""
    cell: float
    prompt: Curve


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rates of one processor with one engine and number of threads. Times in seconds."""

    processor: str
    threads: int
    engine: str
    date: str
    """When it was measured, ISO 8601."""
    types: tuple[TypeRate, ...]
    attention: tuple[AttentionRate, ...]
    token: float
    """What one generated token costs whatever the model: the engine's loop and its graph."""
    layer: Curve
    """What one block costs beside its weights, for a batch: threads that wait for each other, small operations."""
    vocabulary: float
    """Per entry of the vocabulary and token: sampling."""
    spread: float = 0.0
    """How far repeated measurements lay apart, as a part of their middle: the range of a prediction is never narrower."""
    busy: bool = False
    """Other programs used the processor meanwhile: at rest it is faster than this says."""

    def type_rate(self, name: str) -> TypeRate | None:
        return next((rate for rate in self.types if rate.name == name), None)

    def attention_rates(self, name: str) -> tuple[AttentionRate, ...]:
        """Those of a cache type, by rising size of the head."""
        return tuple(rate for rate in self.attention if rate.name == name)

    def of(self, machine: Machine) -> bool:
        """Whether it was measured on *machine*'s processor, with the engine that is installed now."""
        return (self.processor, self.threads, self.engine) == (machine.processor, machine.cores, engine_version())


def at(curve: Curve, batch: float) -> float:
    """The value of *curve* at *batch*: straight between neighbours in both logarithms, an end's value beyond it."""
    batches = [point[0] for point in curve]
    if batch <= batches[0]:
        return curve[0][1]
    if batch >= batches[-1]:
        return curve[-1][1]
    right = bisect.bisect_right(batches, batch)
    (before, low), (after, high) = curve[right - 1], curve[right]
    part = math.log(batch / before) / math.log(after / before)
    return math.exp(math.log(low) + part * (math.log(high) - math.log(low)))


def in_proportion(curve: Curve, batch: float) -> float:
    """As ``at``, for what takes longer the larger the batch: beyond the largest that was measured, in proportion."""
    return at(curve, batch) * max(1.0, batch / curve[-1][0])


# ---- the file


def load(home: Path, machine: Machine) -> Calibration | None:
    """The calibration kept in *home*; None where there is none, or it is of another processor or engine, or unreadable."""
    found = read(home)
    return found if found is not None and machine.source == "detected" and found.of(machine) else None


def read(home: Path) -> Calibration | None:
    """What is kept in *home*, of whatever machine."""
    try:
        return from_row(read_json(home / FILE))
    except (OSError, ValueError, KeyError, TypeError):  # none, or not one of ours: it is measured again
        return None


def save(calibration: Calibration, home: Path) -> Path:
    """Keep *calibration* in *home* in place of an earlier one. Raises OSError."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home / FILE
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(row(calibration), indent=1), encoding="utf-8")
    partial.replace(path)
    return path


def row(calibration: Calibration) -> dict[str, Any]:
    """As JSON."""
    return {"version": VERSION, **asdict(calibration)}


def from_row(data: Any) -> Calibration:
    """The calibration of a JSON *data*. Raises ValueError, KeyError or TypeError where it is none, or has senseless figures."""
    if data["version"] != VERSION:
        raise ValueError(data["version"])
    return Calibration(
        processor=str(data["processor"]),
        threads=whole(data["threads"]),
        engine=str(data["engine"]),
        date=str(data["date"]),
        types=tuple(TypeRate(_known(each["name"]), _curve(each["seconds"])) for each in data["types"]),
        attention=tuple(
            AttentionRate(
                str(each["name"]), max(1, whole(each["head"], _MOST_HEAD)), _time(each["cell"]), _curve(each["prompt"])
            )
            for each in data["attention"]
        ),
        token=_time(data["token"]),
        layer=_curve(data["layer"]),
        vocabulary=_time(data["vocabulary"]),
        spread=_time(data["spread"]),
        busy=data.get("busy") is True,
    )


def _curve(points: Sequence[Sequence[Any]]) -> Curve:
    curve = tuple((whole(batch, _MOST_BATCH), _time(value)) for batch, value in points)
    batches = [batch for batch, _ in curve]
    if not curve or min(batches) < 1 or batches != sorted(set(batches)) or any(value < _LEAST for _, value in curve):
        raise ValueError("not a curve")
    return curve


def _known(name: Any) -> str:
    if name not in _BITS:
        raise ValueError(name)
    return str(name)


def _time(value: Any) -> float:
    return number(value, _LONGEST)
