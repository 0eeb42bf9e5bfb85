"""Where a model's bytes are and which of them one token reads, from the tensor table.

Knows the names of llama.cpp's tensors (``gguf-py/gguf/constants.py``); does not know devices (``fit``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from homeroom.models.facts import LayerWeights, Weights
from homeroom.models.gguf import Tensor
from homeroom.models.quantization import TENSOR_TYPES

INPUTS: Final = ("token_embd.weight", "per_layer_token_embd.weight", "position_embd.weight", "token_types.weight")
"""Tables of which a token reads its own row."""
_BLOCK: Final = re.compile(r"blk\.(\d{1,6})\.")
_EXPERTS: Final = re.compile(r"_(?:ch)?exps\.(?:weight|scale)$")


def weigh(
    tensors: Iterable[Tensor], blocks: int, *, trunk: int, experts: int = 0, experts_used: int = 0
) -> tuple[Weights, int]:
    """The weights, and the parameters that take part in one token.

    *blocks* of the header, of which *trunk* take part in generation; *experts_used* of *experts* are routed to.
    """
    part = experts_used / experts if experts else 1.0
    inputs = output = other = 0
    rest, routed = [0] * blocks, [0] * blocks
    reads: Counter[int] = Counter()
    active, head, embedding = 0.0, False, None
    for tensor in tensors:
        block = _BLOCK.match(tensor.name)
        share = 1.0
        if block is not None and (index := int(block[1])) < blocks:
            if _EXPERTS.search(tensor.name):
                routed[index] += tensor.size
                share = part
            else:
                rest[index] += tensor.size
            if index >= trunk:
                continue
        elif tensor.name in INPUTS:
            inputs += tensor.size
            if tensor.name == INPUTS[0]:
                embedding = tensor
            continue
        elif tensor.name == "output.weight":
            output += tensor.size
            head = True
        else:
            other += tensor.size
        reads[tensor.type] += int(tensor.size * share)
        active += tensor.elements * share
    if not head and embedding is not None:  # tied: the head is the embedding table, read whole
        reads[embedding.type] += embedding.size
        active += embedding.elements
    layers = tuple(LayerWeights(*pair) for pair in zip(rest, routed, strict=True))
    named = tuple((TENSOR_TYPES[kind].name, size) for kind, size in reads.most_common() if size)
    return Weights(inputs, output, other, layers, named), round(active)
