"""A model at hand in other quantizations: the header that llama.cpp's quantizer would write from the tensors of one.

Knows mixes (``mix``) and headers; does not know that quantizing what is quantized already loses twice, since what is asked
is what a file made from the original would be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from homeroom.models import blueprint, mix
from homeroom.models.facts import ModelFacts
from homeroom.models.gguf import Header
from homeroom.models.inspect import facts_from
from homeroom.models.quantization import file_type_number


def requantized(headers: Sequence[Header], quantization: str, *, name: str) -> ModelFacts:
    """The facts of the model of *headers* (one a shard) in *quantization*, as one file.

    Raises UsageError for a quantization that is not known, NotSupported where the quantizer would refuse, BadModelFile
    where a row does not divide into its type's blocks.
    """
    first = headers[0]
    metadata = {key: value for key, value in first.metadata.items() if not key.startswith("split.")}
    metadata["general.file_type"] = file_type_number(mix.known(quantization))
    architecture = str(metadata["general.architecture"])
    tensors = tuple(tensor for header in headers for tensor in header.tensors)
    types = mix.tensor_types(architecture, metadata, tensors, quantization)
    shapes = [blueprint.TensorShape(tensor.name, tensor.shape) for tensor in tensors]
    made = blueprint.header(architecture, metadata, types, name=name, shapes=shapes)
    # The tokenizer's lists are as long as they were.
    start = max(made.data_offset, first.data_offset)
    made = replace(made, data_offset=start, file_bytes=start + made.file_bytes - made.data_offset)
    return facts_from((made,), (name,), name=name)
