"""The order of models: what each is worth, and that the choice of a quantization is not silly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from homeroom.fit.ask import Ask, batch_for
from homeroom.fit.rank import Candidate, Order, Ranked, best, ordered, quality, rank, retained, worth
from homeroom.fit.verdict import assess
from homeroom.hardware.machine import Machine
from homeroom.models import catalogue, mix
from homeroom.models.facts import ModelFacts
from support.shapes import GB, GIB, gpu, machine, model

ASK = Ask(context=8192)
SMALL, LAPTOP, CARD = machine(6 * GB), machine(24 * GB), machine(64 * GB, gpu(24 * GIB))
WHERE = (SMALL, LAPTOP, CARD)
ORDERS: tuple[Order, ...] = ("worth", "quality", "speed", "context", "size", "name")
NAMES = (
    "deepseek-r1:1.5b",
    "deepseek-r1:7b",
    "deepseek-r1:70b",
    "gpt-oss:20b",
    "qwen3:30b",
    "gemma3:4b",
    "granite4:tiny-h",
)


@cache
def candidate(name: str) -> Candidate:
    entry = catalogue.find(name)
    assert entry is not None
    return Candidate({one: entry.summary(one) for one in entry.quantizations}, entry.kind, 2025.0, entry.grades)


def every(where: Machine) -> list[Ranked]:
    return rank([candidate(name) for name in NAMES], where, ASK)


def options(one: Candidate, where: Machine) -> list[Ranked]:
    """Each quantization, judged at length: what ``best`` must have chosen from."""
    found = []
    for facts in one.by_quantization.values():
        if facts.bits_per_weight <= 16.5:
            context = min(ASK.context, facts.context_length)
            fit = assess(facts, where, replace(ASK, batch=batch_for(facts, where), context=context))
            score, speed = quality(facts, one.year), fit.speed
            value = worth(score, fit.verdict, speed.decode.expected if speed else None, context / ASK.context)
            found.append(Ranked(fit, score, value, one))
    return found


# ---- quality


def test_quality_grows_with_size_and_stays_between_0_and_100() -> None:
    sized = [
        replace(model(), parameters=size, quantization="BF16") for size in (10**6, 10**9, 8 * 10**9, 70 * 10**9, 10**13)
    ]
    scores = [quality(facts, 0) for facts in sized]
    assert all(low < high for low, high in pairwise(scores[:4])) and scores[0] >= 0 and scores[-1] <= 100


@pytest.mark.parametrize("name", NAMES)
def test_quality_grows_with_bits(name: str) -> None:
    known = candidate(name).by_quantization
    scores = [quality(known[one], 2025.0) for one in mix.GRID if one in known]
    assert all(fine >= coarse for fine, coarse in pairwise(scores))
    # gpt-oss is only offered in what it was published in, where nothing is lost.
    assert scores[0] > scores[-1] or name.startswith("gpt-oss")


def test_a_newer_model_of_the_same_size_is_better_a_little() -> None:
    facts = replace(model(), parameters=8 * 10**9)
    older, newer = quality(facts, 2024.0), quality(facts, 2025.0)
    assert older < newer < older + 5


def test_experts_count_for_less_than_their_size_and_more_than_what_is_active() -> None:
    dense = replace(model(), parameters=30 * 10**9, active_parameters=30 * 10**9)
    mixed = replace(dense, experts=128, experts_used=8, active_parameters=3 * 10**9)
    small = replace(dense, parameters=3 * 10**9, active_parameters=3 * 10**9)
    assert quality(small, 0) < quality(mixed, 0) < quality(dense, 0)


def test_nothing_is_lost_in_the_precision_that_a_model_is_published_in() -> None:
    assert retained("BF16", 16) == retained("MXFP4", 4.3) == retained("F32", 32) == 1.0
    assert 0.9 < retained("Q8_0", 8.5) < 1.0
    assert retained("IQ1_S", 1.6) < 0.05


@pytest.mark.parametrize("bits", [8.5, 6.5, 5.5, 4.8, 4.2, 3.6, 3.1, 2.6, 1.5])
def test_a_quantization_that_nobody_measured_is_reckoned_by_its_bits(bits: float) -> None:
    assert 0 < retained("UD-SOMETHING", bits) <= 1
    assert retained("UD-SOMETHING", bits) <= retained("UD-SOMETHING", bits + 1)


# ---- worth


def test_what_does_not_fit_is_worth_nothing() -> None:
    rows = every(SMALL)
    large = {row.fit.facts.name: row for row in rows}["deepseek-r1:70b"]
    assert (large.fit.verdict, large.worth) == ("too-big", 0.0)
    assert all((row.worth == 0) == (row.fit.verdict == "too-big") for row in rows)


def test_worth_is_quality_where_speed_and_context_are_ample() -> None:
    assert worth(50.0, "fits", 10.0, 1.0) == worth(50.0, "fits", 100.0, 1.0) == 50.0


def test_a_quarter_of_the_speed_or_of_the_context_leaves_half() -> None:
    assert worth(50.0, "fits", 2.5, 1.0) == worth(50.0, "fits", 10.0, 0.25) == pytest.approx(25.0)
    assert worth(50.0, "fits-partly", 2.5, 1.0) < 25.0


def test_a_speed_that_is_not_known_counts_neither_way() -> None:
    assert worth(50.0, "fits", None, 1.0) == 50.0


# ---- the choice of a quantization


@pytest.mark.parametrize("where", WHERE, ids=("small", "laptop", "card"))
@pytest.mark.parametrize("name", NAMES)
def test_the_best_quantization_is_the_one_worth_most(name: str, where: Machine) -> None:
    chosen, all_of_them = best(candidate(name), where, ASK, None), options(candidate(name), where)
    assert chosen is not None
    assert chosen.worth == pytest.approx(max(one.worth for one in all_of_them))
    same = next(one for one in all_of_them if one.fit.facts.quantization == chosen.fit.facts.quantization)
    assert chosen.fit == same.fit and chosen.quality == same.quality


@pytest.mark.parametrize("bandwidth", [20e9, 50e9, 100e9, 1e12])
@pytest.mark.parametrize("name", NAMES)
def test_one_bit_is_never_chosen_where_four_fit(name: str, bandwidth: float) -> None:
    for free in (6, 24, 64):
        where = machine(free * GB, bandwidth=bandwidth)
        known = {one.fit.facts.quantization: one.fit for one in options(candidate(name), where)}
        chosen = best(candidate(name), where, ASK, None)
        assert chosen is not None
        if "Q4_K_M" in known and known["Q4_K_M"].verdict == "fits":
            assert chosen.fit.facts.bits_per_weight > 2.5, chosen.fit.facts.quantization


def test_a_model_with_less_context_is_judged_at_its_own_limit() -> None:
    row = best(Candidate({"Q4_K_M": model(context=2048)}), LAPTOP, ASK, None)
    assert row is not None and row.fit.ask.context == row.fit.max_context == 2048
    whole = best(Candidate({"Q4_K_M": model(context=8192)}), LAPTOP, replace(ASK, context=2048), None)
    assert whole is not None and row.worth == pytest.approx(whole.worth * math.sqrt(2048 / ASK.context))


def test_where_nothing_fits_the_smallest_is_shown() -> None:
    row = best(candidate("deepseek-r1:70b"), SMALL, ASK, None)
    assert row is not None
    assert (row.fit.facts.quantization, row.fit.verdict, row.worth) == ("IQ1_S", "too-big", 0.0)


def test_without_any_quantization_there_is_no_row() -> None:
    nothing: Mapping[str, ModelFacts] = {}
    assert best(Candidate(nothing), SMALL, ASK, None) is None
    assert rank([Candidate(nothing)], SMALL, ASK) == []


def test_full_precision_is_not_proposed() -> None:
    where = machine(512 * GB, gpu(400 * GIB, bandwidth=1e13))
    row = best(candidate("deepseek-r1:7b"), where, ASK, None)
    assert row is not None and row.fit.facts.quantization in ("BF16", "F16")


# ---- orders


@pytest.mark.parametrize("order", ORDERS)
def test_each_order_is_by_its_own_key_and_what_does_not_fit_is_last(order: Order) -> None:
    rows = ordered(every(machine(12 * GB)), order)
    fits = [row.fit.verdict != "too-big" for row in rows]
    assert fits == sorted(fits, reverse=True) and not all(fits)
    shown = [sorting(row, order) for row, fitting in zip(rows, fits, strict=True) if fitting]
    assert shown == sorted(shown) and len(set(shown)) > 1


def sorting(row: Ranked, order: Order) -> float | str:
    match order:
        case "worth":
            return -row.worth
        case "quality":
            return -row.quality
        case "speed":
            speed = row.fit.speed
            assert speed is not None
            return -speed.decode.expected
        case "context":
            return -row.fit.max_context
        case "size":
            return row.fit.memory.total
        case "name":
            return row.fit.facts.name


def test_the_order_does_not_depend_on_where_it_begins() -> None:
    rows = every(LAPTOP)
    assert ordered(rows[::-1], "worth") == ordered(rows, "worth")


def test_the_json_shows_each_factor() -> None:
    row = every(LAPTOP)[0].row()
    assert row["quality"].keys() == {"score", "basis"} and row["worth"] <= row["quality"]["score"]
    assert row["model"]["name"] in NAMES and row["kind"] and row["speed"]["decode"]["expected"] > 0
    assert {"grades", "max_context", "verdict", "reason", "machine", "ask", "memory"} <= row.keys()
