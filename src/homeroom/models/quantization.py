"""Names and sizes of the tensor types and file types that a GGUF can hold.

Knows the tables of llama.cpp, and what its makers measured each quantization to cost in quality; does not know which
tensor of a file gets which type (``mix``).
Sources: ``ggml/include/ggml.h`` (enum ggml_type), ``ggml/src/ggml-common.h`` (the block structs),
``include/llama.h`` (enum llama_ftype), ``src/llama-model-loader.cpp`` (the guess from the tensors),
``tools/perplexity/README.md`` (the losses).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from homeroom.errors import UsageError


@dataclass(frozen=True, slots=True)
class TensorType:
    """One ggml type: ``block`` elements take ``block_bytes`` bytes; a row is a whole number of blocks."""

    name: str
    block: int
    block_bytes: int

    @property
    def bits(self) -> float:
        """Bits of one element."""
        return self.block_bytes * 8 / self.block

    def bytes_for(self, elements: int) -> int:
        """Bytes of a row of *elements*, rounded up to whole blocks."""
        return -(-elements // self.block) * self.block_bytes


TENSOR_TYPES: Final[Mapping[int, TensorType]] = {
    0: TensorType("F32", 1, 4),
    1: TensorType("F16", 1, 2),
    2: TensorType("Q4_0", 32, 18),
    3: TensorType("Q4_1", 32, 20),
    6: TensorType("Q5_0", 32, 22),
    7: TensorType("Q5_1", 32, 24),
    8: TensorType("Q8_0", 32, 34),
    9: TensorType("Q8_1", 32, 36),
    10: TensorType("Q2_K", 256, 84),
    11: TensorType("Q3_K", 256, 110),
    12: TensorType("Q4_K", 256, 144),
    13: TensorType("Q5_K", 256, 176),
    14: TensorType("Q6_K", 256, 210),
    15: TensorType("Q8_K", 256, 292),
    16: TensorType("IQ2_XXS", 256, 66),
    17: TensorType("IQ2_XS", 256, 74),
    18: TensorType("IQ3_XXS", 256, 98),
    19: TensorType("IQ1_S", 256, 50),
    20: TensorType("IQ4_NL", 32, 18),
    21: TensorType("IQ3_S", 256, 110),
    22: TensorType("IQ2_S", 256, 82),
    23: TensorType("IQ4_XS", 256, 136),
    24: TensorType("I8", 1, 1),
    25: TensorType("I16", 1, 2),
    26: TensorType("I32", 1, 4),
    27: TensorType("I64", 1, 8),
    28: TensorType("F64", 1, 8),
    29: TensorType("IQ1_M", 256, 56),
    30: TensorType("BF16", 1, 2),
    34: TensorType("TQ1_0", 256, 54),
    35: TensorType("TQ2_0", 256, 66),
    39: TensorType("MXFP4", 32, 17),
    40: TensorType("NVFP4", 64, 36),
    41: TensorType("Q1_0", 128, 18),
    42: TensorType("Q2_0", 64, 18),
}

FILE_TYPES: Final[Mapping[int, str]] = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4",
    39: "NVFP4",
    40: "Q1_0",
    41: "Q2_0",
}

_GUESSED_BIT: Final = 1024
"""LLAMA_FTYPE_GUESSED: set in the number where the file's maker did not say."""

_MIXES: Final[Mapping[str, str]] = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}
"""A tensor type that is only ever used in a mix, and the mix that most files of it are."""

KV_TYPES: Final[Mapping[str, TensorType]] = {
    "f16": TENSOR_TYPES[1],
    "q8_0": TENSOR_TYPES[8],
    "q4_0": TENSOR_TYPES[2],
}


@dataclass(frozen=True, slots=True)
class Loss:
    """What a quantization was measured to cost: one model, one text, so a hint for others and no promise."""

    perplexity_increase: float
    """Over the same model in F16: how much worse it predicts the text, 0 for as well."""
    imatrix: bool
    """Whether the measured file was made with an importance matrix."""
    source: str
    date: str
    """Of the release in which the source was read."""

    @property
    def percent(self) -> float:
        """The increase in percent of the perplexity of the F16 model."""
        return self.perplexity_increase / LOSS_F16_PERPLEXITY * 100


LOSS_MODEL: Final = "Llama 3 8B"
LOSS_F16_PERPLEXITY: Final = 6.231634
"""Of ``LOSS_MODEL`` on the Wikitext test set, the base of every increase: that of Q8_0, 6.234284, less its 0.002650."""
_SCOREBOARD: Final = "llama.cpp, tools/perplexity/README.md, LLaMA 3 8b Scoreboard (revision f364eb6f)"
_SCOREBOARD_DATE: Final = "2026-10"

LOSS: Final[Mapping[str, Loss]] = {
    **{
        name: Loss(increase, False, _SCOREBOARD, _SCOREBOARD_DATE)
        for name, increase in {
            "Q8_0": 0.002650,
            "Q6_K": 0.021748,
            "Q5_K_M": 0.056974,
            "Q5_K_S": 0.104964,
            "Q5_1": 0.106223,
            "Q5_0": 0.131591,
            "Q4_K_M": 0.175482,
            "Q4_K_S": 0.268895,
            "Q4_1": 0.451103,
            "Q4_0": 0.468514,
            "Q3_K_L": 0.556242,
            "Q3_K_M": 0.656864,
            "Q3_K_S": 1.632152,
            "Q2_K": 3.519934,
        }.items()
    },
    **{
        name: Loss(increase, True, _SCOREBOARD, _SCOREBOARD_DATE)
        for name, increase in {
            "IQ4_NL": 0.223959,
            "IQ4_XS": 0.228071,
            "IQ3_M": 0.666694,
            "IQ3_S": 0.733867,
            "IQ3_XS": 0.931409,
            "IQ3_XXS": 1.226803,
            "IQ2_M": 2.369166,
            "Q2_K_S": 3.092145,
            "IQ2_S": 3.419148,
            "IQ2_XS": 4.529791,
            "IQ2_XXS": 7.860148,
            "IQ1_M": 19.262089,
            "IQ1_S": 54.462959,
        }.items()
    },
}
"""By quantization, its perplexity increase; F16 and F32 are what it is measured against, others were not measured."""


def file_type_name(number: int | None, bytes_by_type: Mapping[int, int]) -> str:
    """The usual name of a file's quantization: ``Q4_K_M``.

    *number* is ``general.file_type`` or None; *bytes_by_type* maps a ggml type to the bytes of its tensors,
    from which the name is guessed where the number is absent or unknown (the type with the most bytes, as a mix).
    """
    if number is not None and number & ~_GUESSED_BIT in FILE_TYPES:
        return FILE_TYPES[number & ~_GUESSED_BIT]
    if not bytes_by_type:
        return "unknown"
    most = TENSOR_TYPES[max(bytes_by_type, key=lambda kind: (bytes_by_type[kind], kind))].name
    return _MIXES.get(most, most)


def file_type_number(name: str) -> int:
    """``general.file_type`` of a quantization's usual name. Raises KeyError for a name that is none."""
    return {known: number for number, known in FILE_TYPES.items()}[name]


def kv_type(name: str) -> TensorType:
    """The tensor type of a KV cache type: ``f16``, ``q8_0`` (34/32 bytes an element), ``q4_0`` (18/32).

    Raises UsageError for any other name: an unknown type is never silently taken for another.
    """
    try:
        return KV_TYPES[name]
    except KeyError:
        raise UsageError("gguf.kv_type", name=name, known=", ".join(KV_TYPES)) from None
