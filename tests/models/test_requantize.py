"""A model at hand in other quantizations: its own again exactly, others as llama.cpp's quantizer makes them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from homeroom.errors import UsageError
from homeroom.models import catalogue
from homeroom.models.gguf import read_header
from homeroom.models.inspect import inspect
from homeroom.models.requantize import requantized
from support.gguf_writer import TensorLine, write_gguf


def test_a_file_in_its_own_quantization_is_what_it_is(gemma_path: Path) -> None:
    real, made = inspect(gemma_path), requantized([read_header(gemma_path)], "Q4_K_M", name="m")
    assert (made.tensor_bytes, made.parameters, made.layers) == (real.tensor_bytes, real.parameters, real.layers)
    assert made.file_bytes == pytest.approx(real.file_bytes, rel=0.001)
    assert (made.weights, made.scratch, made.vocabulary) == (real.weights, real.scratch, real.vocabulary)
    assert (made.name, made.quantization, made.paths) == ("m", "Q4_K_M", ())


@pytest.mark.parametrize("name", ["gemma3:270m", "smollm2:135m"])
@pytest.mark.parametrize(
    "quantization", ["F32", "BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "IQ4_XS", "Q3_K_M", "Q2_K"]
)
def test_others_are_what_the_catalogue_reckons(
    name: str, quantization: str, gemma_path: Path, starter_path: Path
) -> None:
    entry = catalogue.find(name)
    assert entry is not None
    path = gemma_path if name.startswith("gemma") else starter_path
    made, known = requantized([read_header(path)], quantization, name="m"), entry.facts(quantization)
    assert (made.parameters, made.quantization) == (known.parameters, quantization)
    assert made.tensor_bytes == known.tensor_bytes and made.weights == known.weights


def test_coarser_is_smaller(starter_path: Path) -> None:
    headers = [read_header(starter_path)]
    made = [requantized(headers, one, name="m") for one in ("F32", "BF16", "Q8_0", "Q6_K", "Q4_K_M", "Q2_K")]
    sizes = [one.tensor_bytes for one in made]
    assert sizes[0] == 4 * made[0].parameters and all(fine > coarse for fine, coarse in pairwise(sizes))
    assert {one.context_length for one in made} == {8192}


def test_a_split_model_is_made_one_file(tmp_path: Path) -> None:
    keys = {
        f"llama.{key}": value
        for key, value in {
            "block_count": 1,
            "context_length": 512,
            "embedding_length": 256,
            "attention.head_count": 4,
        }.items()
    }
    tensors: list[list[TensorLine]] = [
        [("token_embd.weight", (256, 512), 1)],
        [("blk.0.attn_q.weight", (256, 256), 1), ("output_norm.weight", (256,), 0)],
    ]
    headers = [
        read_header(
            write_gguf(
                tmp_path / f"m-{number}.gguf",
                {
                    "general.architecture": "llama",
                    **(keys if number == 0 else {}),
                    "split.no": number,
                    "split.count": 2,
                },
                part,
            )
        )
        for number, part in enumerate(tensors)
    ]
    made = requantized(headers, "Q8_0", name="m")
    assert made.parameters == 256 * 512 + 256 * 256 + 256
    assert made.tensor_bytes == (256 * 512 + 256 * 256) * 34 // 32 + 256 * 4


def test_an_unknown_quantization_is_refused(starter_path: Path) -> None:
    with pytest.raises(UsageError):
        requantized([read_header(starter_path)], "Q9_Z", name="m")


def test_rows_that_no_block_divides_stay_in_half_precision(tmp_path: Path) -> None:
    keys = {"block_count": 1, "context_length": 512, "embedding_length": 36, "attention.head_count": 4}
    path = write_gguf(
        tmp_path / "m.gguf",
        {"general.architecture": "llama", **{f"llama.{key}": value for key, value in keys.items()}},
        [("token_embd.weight", (36, 100), 0), ("blk.0.attn_q.weight", (36, 36), 0), ("output_norm.weight", (36,), 0)],
    )
    made = requantized([read_header(path)], "Q4_0", name="m")
    assert made.tensor_bytes == pytest.approx(2 * (36 * 100 + 36 * 36) + 4 * 36, abs=64)  # each tensor is aligned
