"""Where a model goes: processor, one GPU, several, with experts outside; every byte is somewhere exactly once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.fit.ask import Ask
from homeroom.fit.placement import GPU_MARGIN, Placement, place, settled, usable
from homeroom.fit.verdict import estimate_for
from homeroom.hardware.machine import Machine
from homeroom.models.facts import ModelFacts
from support.shapes import GB, GIB, gpu, machine, model

ASK = Ask(context=8192)


def put(facts: ModelFacts, where: Machine, ask: Ask = ASK) -> Placement:
    return place(facts, where, ask, estimate_for(facts, ask))


def test_without_a_gpu_all_is_on_the_processor() -> None:
    placement = put(model(), machine(16 * GB))
    (part,) = placement.parts
    assert (placement.verdict, part.device, part.kind, part.layers) == ("fits", "CPU", "cpu", 32)
    assert part.total == estimate_for(model(), ASK).total


def test_what_is_missing_is_told() -> None:
    placement = put(model(), machine(4 * GB))
    assert placement.verdict == "too-big"
    assert placement.missing == estimate_for(model(), ASK).total - int(4 * GB * 0.9)


def test_a_large_gpu_takes_all_but_the_input_embedding() -> None:
    facts = model()
    placement = put(facts, machine(32 * GB, gpu(24 * GIB)))
    card, rest = placement.parts
    assert (placement.verdict, card.layers, rest.layers) == ("fits", 32, 0)
    assert rest.weights == 500_000_000 and rest.kv_cache == 0 and rest.compute == 0 and rest.reads == ()
    assert card.weights == facts.tensor_bytes - 500_000_000


def test_a_tied_head_is_on_the_gpu_a_second_time() -> None:
    card, rest = put(model(tied=True), machine(32 * GB, gpu(24 * GIB))).parts
    assert card.weights == 32 * 125_000_000 + 500_000_000 and rest.weights == 500_000_000


def test_a_small_gpu_takes_the_blocks_that_it_can() -> None:
    placement = put(model(), machine(32 * GB, gpu(4 * GIB)))
    card, rest = placement.parts
    assert placement.verdict == "fits-partly" and 0 < card.layers < 32 and card.layers + rest.layers == 32
    assert card.total <= 4 * GIB - GPU_MARGIN
    one_more = card.total + 125_000_000 + estimate_for(model(), ASK).kv_cache // 32
    assert one_more > 4 * GIB - GPU_MARGIN


def test_experts_go_to_main_memory_before_attention_does() -> None:
    facts = model(rest=50_000_000, experts=600_000_000)
    placement = put(facts, machine(64 * GB, gpu(12 * GIB)))
    card, rest = placement.parts
    assert placement.verdict == "fits-partly"
    assert card.layers == 32 and rest.layers == 0
    assert 0 < card.experts < 32 and card.experts + rest.experts == 32
    assert rest.kv_cache == 0 and rest.weights >= rest.experts * 600_000_000


def test_several_gpus_share_by_the_room_they_have() -> None:
    placement = put(model(), machine(32 * GB, gpu(24 * GIB, "A"), gpu(12 * GIB, "B")))
    first, second, _ = placement.parts
    assert placement.verdict == "fits" and first.layers + second.layers == 32
    assert first.layers > second.layers > 0


def test_what_no_single_gpu_holds_two_hold_together() -> None:
    facts = model(80, rest=480_000_000)  # 39 GB, as a 70B in Q4_K_M
    assert put(facts, machine(32 * GB, gpu(24 * GIB))).verdict == "fits-partly"
    assert put(facts, machine(32 * GB, gpu(24 * GIB), gpu(24 * GIB))).verdict == "fits"


def test_a_gpu_with_no_room_at_all_is_left_out() -> None:
    placement = put(model(), machine(32 * GB, gpu(1 * GIB)))
    assert placement.verdict == "fits" and [part.kind for part in placement.parts] == ["cpu"]


def test_a_gpu_that_shares_main_memory_does_not_add_to_it() -> None:
    facts = model(80, rest=480_000_000)
    strix = machine(60 * GB, gpu(60 * GB, "Strix Halo", unified=True))
    (part,) = put(facts, strix).parts
    assert (part.device, put(facts, strix).verdict) == ("Strix Halo", "fits")
    assert put(facts, machine(40 * GB, gpu(40 * GB, unified=True))).verdict == "too-big"


def test_what_a_unified_gpu_may_not_hold_runs_on_the_processor() -> None:
    facts = model(80, rest=480_000_000)
    placement = put(facts, machine(64 * GB, gpu(30 * GB, unified=True)))
    assert placement.verdict == "fits-partly" and placement.parts[0].kind == "cpu"


@given(
    blocks=st.integers(1, 100),
    rest=st.integers(1_000_000, 500_000_000),
    experts=st.sampled_from([0, 10_000_000, 900_000_000]),
    tied=st.booleans(),
    cards=st.lists(st.integers(1, 80), max_size=4),
    ram=st.integers(1, 512),
    context=st.sampled_from([512, 8192, 131_072]),
)
def test_every_byte_is_somewhere_once(
    blocks: int, rest: int, experts: int, tied: bool, cards: list[int], ram: int, context: int
) -> None:
    facts = model(blocks, rest=rest, experts=experts, tied=tied)
    ask = Ask(context=context)
    where = machine(ram * GB, *(gpu(size * GIB, str(number)) for number, size in enumerate(cards)))
    memory = estimate_for(facts, ask)
    placement = place(facts, where, ask, memory)
    head_twice = 500_000_000 if tied and placement.offloaded else 0
    assert sum(part.weights for part in placement.parts) == facts.tensor_bytes + head_twice
    assert sum(part.kv_cache for part in placement.parts) == pytest.approx(memory.kv_cache, abs=64)
    assert sum(part.layers for part in placement.parts) == blocks
    if experts:
        assert sum(part.experts for part in placement.parts) == blocks
    for part in placement.parts:
        if part.kind != "cpu":
            assert part.total <= cards[int(part.device)] * GIB - GPU_MARGIN
    room = usable(where)
    assert (placement.verdict == "too-big") == (placement.parts[-1].total > room)
    assert placement.missing == max(0, placement.parts[-1].total - room)
    assert settled(facts, where, memory) in (None, placement.verdict)
    read = sum(size for part in placement.parts for _, size in part.reads)
    assert facts.weights is not None
    assert read == pytest.approx(facts.weights.read, rel=0.01)
