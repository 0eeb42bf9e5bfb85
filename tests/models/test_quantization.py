"""The tables of tensor types, file types and KV types."""

from __future__ import annotations

import pytest

from homeroom.errors import UsageError
from homeroom.models.quantization import FILE_TYPES, LOSS, TENSOR_TYPES, file_type_name, kv_type


@pytest.mark.parametrize(
    ("number", "name", "bits"),
    [
        (0, "F32", 32.0),
        (1, "F16", 16.0),
        (30, "BF16", 16.0),
        (2, "Q4_0", 4.5),
        (3, "Q4_1", 5.0),
        (8, "Q8_0", 8.5),
        (10, "Q2_K", 2.625),
        (11, "Q3_K", 3.4375),
        (12, "Q4_K", 4.5),
        (13, "Q5_K", 5.5),
        (14, "Q6_K", 6.5625),
        (16, "IQ2_XXS", 2.0625),
        (23, "IQ4_XS", 4.25),
        (34, "TQ1_0", 1.6875),
        (39, "MXFP4", 4.25),
    ],
)
def test_bits_per_weight_are_the_published_ones(number: int, name: str, bits: float) -> None:
    assert (TENSOR_TYPES[number].name, TENSOR_TYPES[number].bits) == (name, bits)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "F32"),
        (1, "F16"),
        (3, "Q4_1"),
        (7, "Q8_0"),
        (15, "Q4_K_M"),
        (17, "Q5_K_M"),
        (38, "MXFP4"),
        (1024 + 15, "Q4_K_M"),
    ],
)
def test_file_type_has_its_usual_name(number: int, name: str) -> None:
    assert file_type_name(number, {}) == name


@pytest.mark.parametrize("number", [None, 4, 999])
def test_absent_or_unknown_file_type_is_guessed_from_the_most_bytes(number: int | None) -> None:
    assert file_type_name(number, {0: 10, 14: 500, 12: 800}) == "Q4_K_M"
    assert file_type_name(number, {0: 10, 8: 500}) == "Q8_0"


def test_every_file_type_but_the_mixes_names_a_tensor_type() -> None:
    tensors = {kind.name for kind in TENSOR_TYPES.values()}
    mixes = {name for name in FILE_TYPES.values() if name not in tensors}
    assert mixes == {
        "IQ2_M",
        "IQ3_M",
        "IQ3_XS",
        "Q2_K_S",
        "Q3_K_L",
        "Q3_K_M",
        "Q3_K_S",
        "Q4_K_M",
        "Q4_K_S",
        "Q5_K_M",
        "Q5_K_S",
    }


@pytest.mark.parametrize(("name", "size"), [("f16", 2.0), ("q8_0", 34 / 32), ("q4_0", 18 / 32)])
def test_kv_type_takes_its_block_scale_too(name: str, size: float) -> None:
    assert kv_type(name).bytes_for(1024) == 1024 * size


def test_unknown_kv_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        kv_type("q3_0")
    assert "q3_0" in caught.value.message
    assert "f16, q8_0, q4_0" in caught.value.message


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("Q8_0", "Q6_K"),
        ("Q6_K", "Q5_K_M"),
        ("Q5_K_M", "Q4_K_M"),
        ("Q4_K_M", "Q3_K_M"),
        ("Q3_K_M", "Q2_K"),
        ("Q2_K", "IQ1_S"),
    ],
)
def test_fewer_bits_lose_more(better: str, worse: str) -> None:
    assert 0 < LOSS[better].perplexity_increase < LOSS[worse].perplexity_increase


def test_a_loss_says_what_was_measured_and_where() -> None:
    """llama-quantize --help tells the same increase for Q4_K_M: +0.1754 ppl @ Llama-3-8B."""
    assert round(LOSS["Q4_K_M"].perplexity_increase, 3) == 0.175
    assert round(LOSS["Q4_K_M"].percent, 1) == 2.8
    assert not LOSS["Q4_K_M"].imatrix
    assert LOSS["IQ2_XXS"].imatrix
    assert all(loss.source and loss.date for loss in LOSS.values())


def test_a_loss_is_told_of_file_types_only() -> None:
    assert set(LOSS) <= set(FILE_TYPES.values())
    assert "F16" not in LOSS
