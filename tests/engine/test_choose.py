"""Which model runs when nobody says: chat before completion before embeddings, then size, then bits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeroom.engine.choose import assess, choose
from homeroom.engine.plan import Ask
from homeroom.hardware.machine import Machine
from homeroom.models.facts import Layer, ModelFacts

GB = 10**9
MACHINE = Machine("m", "Linux", "cpu", cores=4, threads=4, memory_total=16 * GB, memory_free=8 * GB, limited_by=None)


def model(
    name: str, billions: float, *, bits: float = 4.5, template: str | None = "{{ x }}", pooling: str | None = None
) -> ModelFacts:
    parameters = int(billions * GB)
    size = int(parameters * bits / 8)
    return ModelFacts(
        name=name,
        paths=(),
        sha256=None,
        architecture="llama",
        title=None,
        parameters=parameters,
        file_bytes=size,
        tensor_bytes=size,
        quantization="Q4_K_M",
        bits_per_weight=bits,
        context_length=32_768,
        embedding_length=2048,
        vocabulary=32_000,
        layers=(Layer(8, 128, 128),) * 24,
        chat_template=template,
        pooling=pooling,
        license=None,
        base=None,
        tokenizer="gpt2",
    )


SMALL, LARGE, HUGE = model("small", 1), model("large", 7), model("huge", 70)
BASE, EMBEDS = model("base", 8, template=None), model("embeds", 9, pooling="mean")


def chosen(*models: ModelFacts, machine: Machine = MACHINE, ask: Ask = Ask()) -> str | None:  # noqa: B008
    found = choose(models, machine, ask)
    return found.facts.name if found else None


def test_the_largest_that_fits() -> None:
    assert chosen(SMALL, HUGE, LARGE) == "large"


def test_one_that_chats_comes_before_a_larger_one_that_does_not() -> None:
    assert chosen(EMBEDS, BASE, SMALL) == "small"
    assert chosen(EMBEDS, BASE) == "base"
    assert chosen(EMBEDS) == "embeds"


def test_more_bits_where_the_size_is_the_same() -> None:
    assert chosen(model("q4", 3, bits=4.5), model("q8", 3, bits=8.5)) == "q8"


def test_none_where_none_fits_or_none_is_there() -> None:
    assert chosen(HUGE) is None
    assert chosen() is None


def test_what_was_asked_counts() -> None:
    assert chosen(SMALL, LARGE, ask=Ask(memory=2 * GB)) == "small"
    short = replace(LARGE, context_length=4096)
    assert chosen(SMALL, short, ask=Ask(context=16_384, memory=6 * GB)) == "small"


@pytest.mark.parametrize(
    ("models", "words"), [((SMALL,), "only model"), ((SMALL, LARGE, HUGE), "2 of 3"), ((BASE, HUGE), "completes")]
)
def test_every_choice_has_its_reason(models: tuple[ModelFacts, ...], words: str) -> None:
    found = choose(models, MACHINE, Ask())
    assert found is not None and words in found.reason


def test_a_verdict_has_its_reason() -> None:
    fits, partly = assess(LARGE, MACHINE, Ask()), assess(LARGE, replace(MACHINE, memory_free=int(4.9 * GB)), Ask())
    assert fits.verdict == "fits" and fits.plan is not None and fits.plan.number("context") == 8192
    assert partly.verdict == "fits-partly" and partly.plan is not None and partly.plan.number("context") < 8192
    big = assess(HUGE, MACHINE, Ask())
    assert big.verdict == "too-big" and big.plan is None and "huge" in big.reason
