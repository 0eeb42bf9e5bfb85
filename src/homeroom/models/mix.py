"""Which type each tensor gets when llama.cpp quantizes a model: the mix behind a name such as ``Q4_K_M``.

A reading of ``llama_tensor_get_type`` in ``src/llama-quant.cpp`` of llama.cpp as in xllamacpp 2026.10.11549.
Does not know other makers' mixes: "UD-" files (Unsloth Dynamic), "_L" and "_XL" variants, files with
``--tensor-type`` overrides, and models published in MXFP4 or FP8, whose experts are often kept as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from homeroom.errors import BadModelFile, NotSupported, UsageError
from homeroom.models.gguf import DEFAULT_ALIGNMENT, Value
from homeroom.models.quantization import TENSOR_TYPES
from homeroom.models.tensor_roles import Kind, Role, place

GRID: Final = (
    "F32",
    "BF16",
    "Q8_0",
    "Q6_K",
    "Q5_K_M",
    "Q4_K_M",
    "IQ4_XS",
    "Q3_K_M",
    "IQ3_XXS",
    "Q2_K",
    "IQ2_XXS",
    "IQ1_S",
)
"""The columns of the chart and the catalogue, largest first (very small models have neighbours swapped).

F32 is what the public charts begin with; no hub offers it. BF16 stands for F16 too: the sizes are equal.
"""


class Shaped(Protocol):
    """A tensor of which name and shape are known, the row length first: ``gguf.Tensor``, a line of a blueprint."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> Sequence[int]: ...


_NUMBER: Final = {kind.name: number for number, kind in TENSOR_TYPES.items()}
F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 = (
    _NUMBER[name] for name in ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1")
)
Q2_K, Q3_K, Q4_K, Q5_K, Q6_K = (_NUMBER[name] for name in ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"))
IQ2_XXS, IQ2_S, IQ3_XXS, IQ3_S, IQ4_NL, MXFP4 = (
    _NUMBER[name] for name in ("IQ2_XXS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_NL", "MXFP4")
)

_PLAIN: Final = {"F32": F32, "F16": F16, "BF16": BF16}
"""What the converter writes; all others are the quantizer's work."""

_DEFAULT: Final[Mapping[str, int]] = {
    **{
        name: _NUMBER[name]
        for name in (
            *("Q8_0", "Q6_K", "Q5_0", "Q5_1", "Q4_0", "Q4_1", "Q2_K", "Q2_0", "Q1_0", "TQ1_0", "TQ2_0"),
            *("IQ4_NL", "IQ4_XS", "IQ3_S", "IQ3_XXS", "IQ2_XS", "IQ2_XXS", "IQ1_M", "IQ1_S"),
        )
    },
    **dict.fromkeys(("Q5_K_S", "Q5_K_M"), Q5_K),
    **dict.fromkeys(("Q4_K_S", "Q4_K_M"), Q4_K),
    **dict.fromkeys(("Q3_K_S", "Q3_K_M", "Q3_K_L"), Q3_K),
    **dict.fromkeys(("IQ3_XS", "IQ3_M"), IQ3_S),
    "Q2_K_S": Q2_K,
    "IQ2_M": IQ2_S,
    "IQ2_S": _NUMBER["IQ2_XS"],
    "MXFP4": MXFP4,
}
"""The type of every tensor that has no better reason (``llama_ftype_get_default_type``)."""

QUANTIZATIONS: Final = (*_PLAIN, *_DEFAULT)
_ALIASES: Final = {"MXFP4_MOE": "MXFP4", "Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}
"""Other names that llama-quantize takes."""

_LOW: Final = frozenset({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M"})
_NEED_IMATRIX: Final = _LOW | {"IQ3_XXS", "IQ3_XS", "Q2_K_S"}
"""Without an importance matrix llama-quantize refuses these (``tensor_requires_imatrix``)."""

_IQ4_NL_FOR: Final = ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_XS")
_Q4_0_FOR: Final = ("Q2_0", "Q2_K", "Q3_K", "TQ1_0", "TQ2_0")
_FALLBACK: Final[Mapping[int, int]] = {
    **{_NUMBER[name]: IQ4_NL for name in _IQ4_NL_FOR},
    **{_NUMBER[name]: Q4_0 for name in _Q4_0_FOR},
    Q4_K: Q5_0,
    Q5_K: Q5_1,
    Q6_K: Q8_0,
}
"""For rows that are no whole number of 256-element blocks (``tensor_type_fallback``)."""

_EMBEDDING: Final[Mapping[str, int]] = {
    **dict.fromkeys(("IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ1_M"), Q2_K),
    **dict.fromkeys(("IQ2_S", "IQ2_M", "IQ3_XXS"), IQ3_S),
    **dict.fromkeys(("TQ1_0", "TQ2_0", "Q2_0"), Q4_K),
}
_ATTENTION_OUTPUT: Final[Mapping[str, int]] = {
    "Q2_K": Q3_K,
    "IQ3_XXS": IQ3_S,
    "Q3_K_M": Q4_K,
    "Q3_K_L": Q5_K,
    "IQ3_M": Q4_K,
}
_EIGHT_EXPERTS_OUTPUT: Final = frozenset(
    {
        *("Q2_K", "IQ3_XS", "IQ3_XXS", "Q3_K_S", "Q3_K_M", "IQ4_NL"),
        *("Q4_K_S", "Q4_K_M", "IQ3_S", "IQ3_M", "IQ4_XS"),
    }
)


def tensor_types(
    architecture: str,
    metadata: Mapping[str, Value],
    tensors: Sequence[Shaped],
    quantization: str,
    *,
    imatrix: bool | None = None,
    source: str = "F16",
) -> tuple[int, ...]:
    """The ggml type that each of *tensors* gets, in their order, in a file of type *quantization*.

    *metadata* holds GGUF keys with their full names: block, expert and head counts of *architecture* decide.
    *source* is the converted file's precision (F16, BF16 or F32): what is not quantized stays in it. *imatrix*:
    whether the quantizer has an importance matrix; None for what is usual, one for every IQ type, none otherwise.

    Raises UsageError for a *quantization* or *source* that is not known, BadModelFile for metadata without a layer
    count, NotSupported where llama.cpp would refuse.
    """
    name = known(quantization)
    if source not in _PLAIN:
        raise UsageError("mix.unknown", name=source, known=", ".join(_PLAIN))
    plain = _PLAIN[name if name in _PLAIN else source]
    places = [place(architecture, tensor.name) for tensor in tensors]
    types = [
        F32 if role.f32 or len(tensor.shape) <= 1 else plain for tensor, (_, role) in zip(tensors, places, strict=True)
    ]
    if name in _PLAIN:
        return tuple(types)
    quantizer = _Quantizer.of(architecture, metadata, [role.kind for _, role in places], name, imatrix)
    # The engine sorts by layer and then by name, and counts in that order (weight_name_comparer).
    for layer, _, index in sorted((at, tensors[i].name, i) for i, (at, _) in enumerate(places)):
        role, tensor = places[index][1], tensors[index]
        if role.quantized and math.prod(tensor.shape[1:]) > 1:
            types[index] = quantizer.type_of(role, layer, tensor)
    return tuple(types)


def known(quantization: str) -> str:
    """The usual name of *quantization*, in any case, aliases resolved. Raises UsageError listing the known names."""
    name = quantization.upper()
    name = _ALIASES.get(name, name)
    if name not in _PLAIN and name not in _DEFAULT:
        raise UsageError("mix.unknown", name=quantization, known=", ".join(QUANTIZATIONS))
    return name


def tensor_bytes(tensors: Sequence[Shaped], types: Sequence[int], *, alignment: int = DEFAULT_ALIGNMENT) -> int:
    """Bytes of the data section: every tensor in its type, padded to *alignment*. The header is not in it."""
    total = 0
    for tensor, number in zip(tensors, types, strict=True):
        kind = TENSOR_TYPES[number]
        size = math.prod(tensor.shape) // kind.block * kind.block_bytes
        total += size + -size % alignment
    return total


def bits_per_weight(size: int, parameters: int) -> float:
    """Bits of one weight in the mean, of *size* bytes for *parameters* weights."""
    return size * 8 / parameters


def _count(metadata: Mapping[str, Value], key: str) -> int | None:
    """A count of the model, or of its first layer where it is one count a layer."""
    value = metadata.get(key)
    if isinstance(value, tuple):
        value = value[0] if value else None
    return value if isinstance(value, int) else None


def _is_70b(architecture: str, layers: int, heads: int, kv_heads: int, experts: int) -> bool:
    """Whether the engine takes the model for a "70B", whose value matrices it gives more bits (``LLM_TYPE_70B``)."""
    if architecture in ("llama", "llama-embed"):
        return layers == 80 and heads != kv_heads and experts != 8
    return {"qwen2": 80, "olmo": 80, "deci": 80, "jais2": 68}.get(architecture) == layers


def _more_bits(layer: int, layers: int) -> bool:
    """Whether a layer of the first or last eighth, or each third one between (``use_more_bits``)."""
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


@dataclass(slots=True)
class _Quantizer:
    """One run of the quantizer: what it knows of the model, and what it counts (``quantize_state_impl``).

    Layers are counted as tensors come, except that models with experts name the layer in the tensor.
    """

    name: str
    default: int
    architecture: str
    imatrix: bool
    layers: int
    experts: int
    gqa: int
    is_70b: bool
    tied: bool
    value_layers: int
    values: int = 0
    downs: int = 0
    gates: int = 0
    ups: int = 0

    @classmethod
    def of(
        cls,
        architecture: str,
        metadata: Mapping[str, Value],
        kinds: Sequence[Kind],
        name: str,
        imatrix: bool | None,
    ) -> _Quantizer:
        layers = _count(metadata, f"{architecture}.block_count")
        if layers is None:
            raise BadModelFile("mix.no_layers", architecture=architecture)
        counted = layers - (_count(metadata, f"{architecture}.nextn_predict_layers") or 0)
        experts = _count(metadata, f"{architecture}.expert_count") or 0
        heads = _count(metadata, f"{architecture}.attention.head_count") or 0
        kv_heads = _count(metadata, f"{architecture}.attention.head_count_kv")
        kv_heads = heads if kv_heads is None else kv_heads
        if architecture == "graniteswitch":
            layers = counted + 1
        elif architecture == "nanbeige":
            layers = counted * (_count(metadata, "nanbeige.num_loops") or 1)
        elif architecture in ("hunyuan-dense", "hunyuan_vl") and experts == 1:
            experts = 0
        return cls(
            name=name,
            default=_DEFAULT[name],
            architecture=architecture,
            imatrix=name.startswith("IQ") or name in _NEED_IMATRIX if imatrix is None else imatrix,
            layers=layers,
            experts=experts,
            gqa=heads // kv_heads if kv_heads else 0,
            is_70b=_is_70b(architecture, counted, heads, kv_heads, experts),
            tied=Kind.OUTPUT not in kinds,
            value_layers=kinds.count(Kind.VALUES),
        )

    def type_of(self, role: Role, layer: int, tensor: Shaped) -> int:
        """The type of the next tensor, one that may be quantized."""
        chosen = Q8_0 if role.eight_bits else self._choose(role.kind, layer, tensor)
        return self._fitting(chosen, tensor.shape[0])

    def _fitting(self, chosen: int, row: int) -> int:
        """*chosen*, or the type that takes its place where a row is no whole number of its blocks."""
        block = TENSOR_TYPES[chosen].block
        if row % block == 0:
            return chosen
        if block > 32 and chosen not in _FALLBACK:
            raise NotSupported("mix.no_fallback", name=self.name, row=row, block=block)
        fallback = _FALLBACK.get(chosen, chosen)
        return fallback if row % TENSOR_TYPES[fallback].block == 0 else F16

    def _choose(self, kind: Kind, layer: int, tensor: Shaped) -> int:
        """The type for the tensor's purpose (``llama_tensor_get_type_impl``)."""
        if kind is Kind.OUTPUT or (self.tied and kind is Kind.EMBEDDING):
            return self._output(tensor.shape[0])
        if self.name == "MXFP4":
            return self._mxfp4(kind, tensor.shape)
        if kind is Kind.EMBEDDING:
            return _EMBEDDING.get(self.name, self.default)
        if self.name in _LOW:
            return self._low(kind)
        match kind:
            case Kind.VALUES:
                return self._values()
            case Kind.KEYS if self.experts == 8:
                return Q8_0
            case Kind.KEYS | Kind.QUERIES:
                return {"IQ3_XS": IQ3_XXS, "IQ3_XXS": IQ2_S}.get(self.name, self.default)
            case Kind.DOWN:
                self.downs += 1
                return self._down(self._layer(layer, self.downs - 1, tensor.name))
            case Kind.GATE:
                self.gates += 1
                return self._gate_or_up(self._layer(layer, self.gates - 1, tensor.name))
            case Kind.UP:
                self.ups += 1
                return self._gate_or_up(self._layer(layer, self.ups - 1, tensor.name))
            case Kind.ATTENTION_OUTPUT:
                return self._attention_output()
            case _:
                return self.default

    def _layer(self, named: int, counted: int, tensor: str) -> int:
        if self.experts <= 1:
            return counted
        if not 0 <= named < self.layers:
            raise NotSupported("mix.no_layer", tensor=tensor, layers=self.layers)
        return named

    def _output(self, row: int) -> int:
        if self.name == "MXFP4" or self.architecture == "falcon" or row % TENSOR_TYPES[self.default].block:
            return Q8_0
        if self.name in _LOW or self.name == "IQ3_XXS":
            return Q5_K
        return Q8_0 if self.default == Q8_0 else Q6_K

    def _mxfp4(self, kind: Kind, shape: Sequence[int]) -> int:
        feed_forward = kind in (Kind.UP, Kind.GATE, Kind.DOWN)
        stacked = len(shape) > 2 and shape[2] > 1
        return MXFP4 if stacked and (feed_forward or self.architecture != "bailingmoe3") else Q8_0

    def _low(self, kind: Kind) -> int:
        """The mixes under 3 bits: what hurts most gets two to four."""
        better = IQ3_S if self.name in ("IQ2_S", "IQ2_M") else Q2_K
        if kind is Kind.VALUES:
            return Q4_K if self.gqa >= 4 or self.experts >= 4 else better
        if kind is Kind.KEYS and self.experts == 8:
            return Q4_K
        if kind is Kind.DOWN:
            self.downs += 1
            return better if self.downs - 1 < self.layers // 8 else self.default
        if kind is Kind.ATTENTION_OUTPUT:
            if self.experts == 8:
                return Q5_K
            if self.name in ("IQ1_S", "IQ1_M"):
                return IQ2_XXS
            if self.name in ("IQ2_S", "IQ2_M"):
                return IQ3_S
        return self.default

    def _values(self) -> int:
        """Value matrices: small where heads share them, and sensitive."""
        index = self.values
        self.values += 1
        if self.experts == 8:
            return Q8_0
        chosen = self.default
        grouped = self.gqa >= 4
        match self.name:
            case "Q2_K":
                chosen = Q4_K if grouped else Q3_K
            case "Q2_K_S" | "IQ3_XS" | "IQ3_S" if grouped:
                chosen = Q4_K
            case "IQ3_XXS":
                chosen = Q4_K if grouped else IQ3_XXS if self.imatrix else IQ3_S
            case "IQ3_M":
                chosen = Q4_K
            case "Q3_K_M":
                chosen = Q5_K if index < 2 else Q4_K
            case "Q3_K_L":
                chosen = Q5_K
            case "IQ4_NL" | "IQ4_XS" if grouped:
                chosen = Q5_K
            case "Q4_K_M" | "Q5_K_M" if _more_bits(index, self.value_layers):
                chosen = Q6_K
            case "Q4_K_S" if index < 4:
                chosen = Q5_K
            case _:
                pass
        return Q5_K if self.is_70b and chosen in (Q3_K, Q4_K) else chosen

    def _down(self, layer: int) -> int:
        falcon = self.architecture == "falcon"
        first = layer < self.layers // 8
        more = _more_bits(layer, self.layers)
        match self.name:
            case "Q2_K":
                return Q3_K
            case "Q2_K_S" if first:
                return Q4_K
            case "IQ3_XXS" if not self.imatrix:
                return Q4_K if first else Q3_K
            case "Q3_K_M":
                return Q5_K if layer < self.layers // 16 else Q3_K if falcon and not more else Q4_K
            case "IQ3_M" if first or (self.experts == 8 and more):
                return Q4_K
            case "Q3_K_L":
                return Q4_K if falcon else Q5_K
            case "Q4_K_M" if falcon:
                return Q6_K if layer < self.layers // 16 else Q5_K if more else Q4_K
            case "Q4_K_M" | "Q5_K_M" if more:
                return Q6_K
            case "IQ4_NL" | "IQ4_XS" if first and not self.imatrix:
                return Q5_K
            case "Q4_K_S" if first and not falcon:
                return Q5_K
            case "Q4_0" | "Q5_0" if first and self.imatrix:
                return Q4_1 if self.name == "Q4_0" else Q5_1
            case _:
                return self.default

    def _gate_or_up(self, layer: int) -> int:
        middle = self.layers // 8 <= layer < 7 * self.layers // 8
        return IQ3_XXS if self.name == "IQ3_XS" and middle else self.default

    def _attention_output(self) -> int:
        if self.architecture == "falcon":
            return Q4_K if self.name == "Q3_K_L" else self.default
        if self.experts == 8:
            return Q5_K if self.name in _EIGHT_EXPERTS_OUTPUT else self.default
        return _ATTENTION_OUTPUT.get(self.name, self.default)
