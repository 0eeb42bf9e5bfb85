"""A choice among what is really offered: known mixes, strangers' mixes by their size, and why the one that is taken."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.fit import rank
from homeroom.fit.ask import Ask
from homeroom.fit.offered import UNLIKE, Choice, choose, judged, of_entry, of_headers, scaled
from homeroom.fit.rank import Candidate
from homeroom.fit.verdict import assess, estimate_for
from homeroom.hardware.machine import Machine
from homeroom.models import catalogue, mix
from homeroom.models.catalogue import Entry
from homeroom.models.facts import ModelFacts
from homeroom.models.gguf import read_header
from homeroom.models.inspect import inspect
from support.shapes import GB, machine

ASK = Ask(context=8192)
LAPTOP = machine(8 * GB)


@cache
def student() -> Entry:
    entry = catalogue.find("deepseek-r1:7b")
    assert entry is not None
    return entry


def listed(*names: str) -> dict[str, int | None]:
    """As a hub lists them: with the sizes that llama.cpp's quantizer makes."""
    return {name: student().facts(name).file_bytes for name in names}


def chosen(offered: dict[str, int | None], where: Machine) -> Choice:
    best = partial(rank.best, machine=where, ask=ASK, calibration=None)
    found = choose(Candidate(judged(of_entry(student()), offered), "reasoning", 2025.0), best)
    assert found is not None
    return found


def keys(choice: Choice) -> list[str]:
    return [reason.key.removeprefix("pull.why.") for reason in choice.reasons]


# What each one would be.


def test_a_known_mix_of_the_listed_size_is_what_the_catalogue_says() -> None:
    found = judged(of_entry(student()), listed("Q2_K", "Q8_0", "Q4_K_S", "Q4_K_M"))
    assert [*found] == ["Q8_0", "Q4_K_M", "Q4_K_S", "Q2_K"]  # finest first
    assert found["Q4_K_M"] == student().summary("Q4_K_M")
    assert found["Q4_K_S"].weights == student().facts("Q4_K_S").weights  # of no column of the chart


def test_another_makers_mix_is_as_large_as_it_is_listed() -> None:
    size = 5_100_000_000
    (found,) = judged(of_entry(student()), {"UD-Q4_K_XL": size}).values()
    assert found.file_bytes == size and found.quantization == "UD-Q4_K_XL"
    assert found.weights is not None
    held = found.weights.input + found.weights.output + found.weights.other
    held += sum(layer.total for layer in found.weights.layers)
    assert held == pytest.approx(size, rel=0.01)
    finer, coarser = student().summary("Q5_K_M"), student().summary("Q4_K_M")
    assert coarser.bits_per_weight < found.bits_per_weight < finer.bits_per_weight
    assert (
        estimate_for(coarser, ASK).total < estimate_for(found, ASK).total < estimate_for(finer, ASK).total
    )  # memory goes with it


def test_a_known_name_of_quite_another_size_goes_by_the_size() -> None:
    usual = student().summary("Q4_K_M")
    near, far = usual.file_bytes, round(usual.file_bytes * (1 + 3 * UNLIKE))
    assert judged(of_entry(student()), {"Q4_K_M": near})["Q4_K_M"].tensor_bytes == usual.tensor_bytes
    assert judged(of_entry(student()), {"Q4_K_M": far})["Q4_K_M"].tensor_bytes == pytest.approx(far, rel=0.005)


def test_what_nothing_is_known_of_is_left_out() -> None:
    assert judged(of_entry(student()), {"UD-Q4_K_XL": None, "Q4_K_M": None}).keys() == {"Q4_K_M"}


def test_from_a_header_as_from_the_catalogue(starter_path: Path) -> None:
    """One file's header tells what the others would be."""
    known = of_headers((read_header(starter_path),), "starter")
    found = judged(known, dict.fromkeys(("Q8_0", "Q4_1", "Q2_K")))
    assert found["Q4_1"].tensor_bytes == inspect(starter_path).tensor_bytes
    assert [*found] == ["Q8_0", "Q4_1", "Q2_K"]
    assert known("AWQ") is None and known("UD-Q4_K_XL") is None


@given(st.floats(0.2, 5.0))
def test_scaling_keeps_what_does_not_depend_on_the_quantization(part: float) -> None:
    usual = student().summary("Q4_K_M")
    found = scaled(usual, "X", round(usual.file_bytes * part))
    assert found.layers == usual.layers and found.parameters == usual.parameters
    assert estimate_for(found, ASK).kv_cache == estimate_for(usual, ASK).kv_cache
    assert found.bits_per_weight == pytest.approx(usual.bits_per_weight * part, rel=0.01)


# Which one it is.


def test_the_only_one() -> None:
    choice = chosen(listed("Q4_K_M"), LAPTOP)
    assert (choice.quantization, keys(choice)) == ("Q4_K_M", ["only"])


def test_the_best_that_fits_and_what_speaks_against_the_next() -> None:
    offered = listed("Q8_0", "Q6_K", "Q4_K_M", "Q2_K")
    choice = chosen(offered, machine(7 * GB))
    assert choice.fits and choice.quantization == "Q4_K_M"
    assert keys(choice) == ["best", "finer_too_big"]
    assert dict(choice.reasons[0].facts)["count"] == 4
    assert dict(choice.reasons[1].facts)["quantization"] == "Q6_K"
    slow = chosen(offered, machine(64 * GB, bandwidth=25e9))
    assert keys(slow) == ["best", "finer_slower"] and float(str(dict(slow.reasons[1].facts)["decode"])) > 0


def test_with_room_for_all_the_finest_needs_no_excuse() -> None:
    choice = chosen(listed("Q8_0", "Q4_K_M"), machine(64 * GB, bandwidth=500e9))
    assert (choice.quantization, keys(choice)) == ("Q8_0", ["best"])


def test_where_none_fits_it_is_the_smallest() -> None:
    choice = chosen(listed("Q8_0", "Q4_K_M", "Q2_K"), machine(2 * GB))
    assert not choice.fits and choice.quantization == "Q2_K" and keys(choice) == ["smallest"]


def test_a_dynamic_build_may_be_the_best() -> None:
    offered = listed("Q8_0", "Q2_K") | {"UD-Q4_K_XL": 5_100_000_000}
    choice = chosen(offered, machine(8 * GB))
    assert choice.quantization == "UD-Q4_K_XL" and choice.ranked.fit.facts.file_bytes == 5_100_000_000


def test_nothing_to_choose_from() -> None:
    assert choose(Candidate({}), partial(rank.best, machine=LAPTOP, ask=ASK, calibration=None)) is None


@given(st.sets(st.sampled_from(mix.GRID[1:]), min_size=1), st.integers(1, 24))
def test_never_what_does_not_fit_where_something_does(names: set[str], memory: int) -> None:
    where, offered = machine(memory * GB), listed(*names)
    choice = chosen(offered, where)
    assert choice.quantization in names

    def fits(facts: ModelFacts) -> bool:
        return assess(facts, where, replace(ASK, batch=choice.ranked.fit.ask.batch)).verdict != "too-big"

    assert choice.fits == any(fits(student().facts(name)) for name in names)
