"""How many tokens a second a placed model reads and writes, as a range with its basis.

Pure. Two bases: rates measured on this machine (``calibration``), else a table (``known``), which is a wide range: of a
graphics processor what engines were seen to reach of its memory bandwidth and arithmetic, of a processor its bandwidth and
the arithmetic of a known one. Where neither is known there is no answer. Does not know how rates are measured
(``engine/calibrate``). Times in seconds, sizes in bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Final, Literal

from homeroom import text
from homeroom.fit.calibration import Calibration, Curve, TypeRate
from homeroom.fit.known import KNOWN, REACHED, READ, STACKED, UNLIKE, WIDE, Reach
from homeroom.fit.placement import Placed
from homeroom.fit.rates import BYTES_EACH, Depth, Token, prompt_seconds
from homeroom.hardware.device import Device
from homeroom.hardware.machine import Machine
from homeroom.models.facts import ModelFacts

Basis = Literal["measured", "calibrated", "table"]

MARGIN: Final = 0.2
"""Half the width of a calibrated range: the model's own error (docs/speed.md) where measurements agree."""


@dataclass(frozen=True, slots=True)
class Range:
    """Tokens a second."""

    low: float
    expected: float
    high: float

    def row(self) -> dict[str, float]:
        return {"low": round(self.low, 3), "expected": round(self.expected, 3), "high": round(self.high, 3)}


@dataclass(frozen=True, slots=True)
class Speed:
    """What to expect. ``facts`` fill the message ``reason_key``, which tells where the figures come from."""

    decode: Range
    prefill: Range | None
    """None where the arithmetic of a device is not known."""
    basis: Basis
    reason_key: str
    facts: tuple[tuple[str, object], ...] = ()

    @property
    def reason(self) -> str:
        """Where the figures come from, in the current language."""
        return text.t(self.reason_key, **dict(self.facts))

    def row(self) -> dict[str, Any]:
        """The speed in the JSON of ``fit``."""
        prefill = None if self.prefill is None else self.prefill.row()
        return {"decode": self.decode.row(), "prefill": prefill, "basis": self.basis}


Times = tuple[float, float, float]
"""Seconds: at most, expected, at least."""


class Decoding:
    """How long one token takes that comes after *context* others: of one model, in any quantization and placement.

    Made once for those who compare many. *calibration* as for ``predict``. Raises UsageError for an unknown *kv_type*.
    """

    def __init__(
        self, facts: ModelFacts, machine: Machine, *, context: int, kv_type: str, calibration: Calibration | None
    ) -> None:
        self.machine = machine
        self.depth = Depth.of(facts, context, kv_type)
        if calibration is not None and (not calibration.attention_rates(kv_type) or not calibration.types):
            calibration = None
        self.calibration = calibration
        self._vocabulary = facts.vocabulary

    def expected(self, placed: Sequence[Placed]) -> float | None:
        """Tokens a second, in the middle of the range that ``predict`` tells; None where it has no answer."""
        seconds = 0.0
        for part in _reading(placed):
            if part.kind == "cpu":
                if self._usual is None:
                    return None
                seconds += self._usual.seconds(part)
            elif (found := self._on_device(part)) is None:
                return None
            else:
                seconds += found[1]
        return 1.0 / seconds if seconds else None

    def times(self, part: Placed) -> Times | None:
        """Seconds for what one token needs of *part*; None where nothing is known of its device."""
        if part.kind != "cpu":
            return self._on_device(part)
        if self._usual is None:
            return None
        usual = self._usual.seconds(part)
        if self.calibration is not None:
            return _spread(usual, self.calibration)
        slow, _, fast = (Token(rates, self.depth, self._vocabulary).seconds(part) for rates in self._like)
        return slow, usual, fast

    def prompt(self, facts: ModelFacts, part: Placed, batch: int) -> Times | None:
        """Seconds for what a prompt as long as the context needs of *part*, in batches of *batch*; None as ``times``."""
        if part.kind != "cpu":
            return self._prompt_on_device(part)
        if self.calibration is not None:
            return _spread(prompt_seconds(facts, part, self.depth, batch, self.calibration), self.calibration)
        usual = prompt_seconds(facts, part, self.depth, batch, self._like[1])
        return usual * UNLIKE, usual, usual / UNLIKE

    @cached_property
    def _like(self) -> tuple[Calibration, Calibration, Calibration]:
        machine = self.machine
        return _like(max(1, machine.cores), machine.bandwidth or 0.0, machine.bandwidth_basis == "measured")

    @cached_property
    def _usual(self) -> Token | None:
        """The processor's; None where neither its rates nor its bandwidth are known."""
        rates = self.calibration
        if rates is None:
            if not self.machine.bandwidth:
                return None
            rates = self._like[1]
        return Token(rates, self.depth, self._vocabulary)

    @cached_property
    def _cache_read(self) -> float:
        return self.depth.cache_read

    def _device(self, part: Placed) -> Device | None:
        return next((each for each in self.machine.devices if each.name == part.device), None)

    def _on_device(self, part: Placed) -> Times | None:
        """None without bandwidth."""
        reach, device = _reach(part), self._device(part)
        if reach is None or device is None or not device.bandwidth:
            return None
        read = (sum(size for _, size in part.reads) + part.kv_share * self._cache_read) / device.bandwidth
        slow, usual, fast = (
            read / most + part.layers * block for most, block in zip(reach.decode, reach.block, strict=True)
        )
        return slow, usual, fast

    def _prompt_on_device(self, part: Placed) -> Times | None:
        """None where the device's arithmetic is not known."""
        reach, device = _reach(part), self._device(part)
        if device is None or not device.tflops or reach is None or reach.prefill is None:
            return None
        parameters = sum(read / BYTES_EACH[name] for name, read in part.reads)
        operations = 2.0 * (parameters * self.depth.context + part.kv_share * self.depth.prompt_width)
        low, usual, high = (operations / (device.tflops * 1e12 * each) for each in reach.prefill)
        return low, usual, high


def predict(
    facts: ModelFacts,
    placed: Sequence[Placed],
    machine: Machine,
    *,
    context: int,
    kv_type: str,
    batch: int,
    calibration: Calibration | None,
) -> Speed | None:
    """Decode with *context* tokens in the cache, and reading a prompt of that length in batches of *batch*.

    None where nothing is known of a device that holds a part. *calibration* is of this machine's processor (see
    ``calibration.load``); the parts on other devices go by their bandwidth. Raises UsageError for an unknown *kv_type*.
    """
    decoding = Decoding(facts, machine, context=context, kv_type=kv_type, calibration=calibration)
    parts = _reading(placed)
    decode: Times = (0.0, 0.0, 0.0)
    longest, most = placed[0] if placed else None, 0.0
    for part in parts:
        token = decoding.times(part)
        if token is None:
            return None
        if token[1] > most:
            longest, most = part, token[1]
        decode = _add(decode, token)
    if not decode[1] or longest is None:
        return None
    prompt = _prompt(decoding, facts, parts, max(1, min(batch, context)))
    reading = _range(context, prompt) if prompt is not None and prompt[1] else None
    by_table = decoding.calibration is None or any(part.kind != "cpu" for part in parts)
    return Speed(_range(1, decode), reading, *_basis(longest, decoding, by_table))


def _reading(placed: Sequence[Placed]) -> list[Placed]:
    """Parts of which a token reads more than a row: not those that hold the input embedding alone."""
    return [part for part in placed if part.reads or part.kv_share]


def _prompt(decoding: Decoding, facts: ModelFacts, parts: Sequence[Placed], batch: int) -> Times | None:
    # Beside a card the engine may send a batch's weights there (``op_offload``): how fast that is was not seen.
    if len({part.kind == "cpu" for part in parts}) > 1:
        return None
    whole: Times = (0.0, 0.0, 0.0)
    for part in parts:
        times = decoding.prompt(facts, part, batch)
        if times is None:
            return None
        whole = _add(whole, times)
    return whole


def _basis(longest: Placed, decoding: Decoding, by_table: bool) -> tuple[Basis, str, tuple[tuple[str, object], ...]]:
    """Basis, and the reason: of the part that takes most of the time."""
    if longest.kind == "cpu" and decoding.calibration is not None:
        date = decoding.calibration.date[:10]
        key = "speed.calibrated_busy" if decoding.calibration.busy else "speed.calibrated"
        return ("table" if by_table else "calibrated"), key, (("date", date),)
    if longest.kind == "cpu":
        key = "speed.processor" if decoding.machine.source == "detected" else "speed.processor_elsewhere"
        return "table", key, (("known", KNOWN.processor), ("date", KNOWN.date))
    reach = _reach(longest)
    assert reach is not None
    low, _, high = reach.decode
    facts = (
        ("device", longest.device),
        ("low", f"{low:.0%}"),
        ("high", f"{high:.0%}"),
        ("block", f"{reach.block[1] * 1e6:.0f}"),
    )
    return "table", "speed.table", facts


def _reach(part: Placed) -> Reach | None:
    return WIDE if STACKED.search(part.device) else REACHED.get(part.kind)


@lru_cache(maxsize=64)
def _like(cores: int, bandwidth: float, measured: bool) -> tuple[Calibration, Calibration, Calibration]:
    """The known processor's rates on *cores*, none faster than memory of *bandwidth* is read: slow, usual, fast."""
    slow, usual, fast = READ[measured]
    return (
        _scaled(UNLIKE, cores, bandwidth * slow),
        _scaled(1.0, cores, bandwidth * usual),
        _scaled(1.0 / UNLIKE, cores, bandwidth * fast),
    )


def _scaled(unlike: float, cores: int, read: float) -> Calibration:
    part = unlike * KNOWN.threads / cores

    def spread(curve: Curve, least: float) -> Curve:
        return tuple((batch, max(least, seconds * part)) for batch, seconds in curve)

    return replace(
        KNOWN,
        threads=cores,
        types=tuple(TypeRate(one.name, spread(one.seconds, BYTES_EACH[one.name] / read)) for one in KNOWN.types),
        attention=tuple(replace(one, cell=one.cell * part, prompt=spread(one.prompt, 0.0)) for one in KNOWN.attention),
        token=KNOWN.token * unlike,
        # Threads that wait for each other do not wait less where they are more.
        layer=spread(KNOWN.layer, KNOWN.layer[0][1] * unlike),
        vocabulary=KNOWN.vocabulary * unlike,
    )


def _spread(seconds: float, calibration: Calibration) -> Times:
    margin = min(0.8, max(MARGIN, calibration.spread))
    return seconds / (1.0 - margin), seconds, seconds / (1.0 + margin)


def _add(one: Times, other: Times) -> Times:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _range(tokens: int, times: Times) -> Range:
    slow, expected, fast = times
    return Range(tokens / slow, tokens / expected, tokens / fast)
