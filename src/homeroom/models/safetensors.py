"""A model that is published as safetensors: the GGUF that llama.cpp's converter and quantizer would make of it.

Knows ``config.json`` (``config``), the tensors (``blueprint``) and the mixes (``mix``), and the repository's index of
files; reads no weights and fetches nothing. Sizes hold for a quantization made today, not for another maker's mix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from homeroom.errors import BadModelFile
from homeroom.models.config import Converted, from_config
from homeroom.models.facts import ModelFacts
from homeroom.models.gguf import Header, Value
from homeroom.models.quantization import file_type_number

FACTORS: Final = ("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight")
"""Tables that the converter makes: no parameters of the published model."""

_BYTES: Final[Mapping[str, float]] = {
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "float8_e4m3fn": 1,
}


def header(converted: Converted, quantization: str, *, name: str, general: Mapping[str, Value] | None = None) -> Header:
    """The header of *converted* in *quantization*, with the keys *general* (``general.name``...) in front.

    Raises UsageError for a quantization that is not known, NotSupported where llama.cpp's quantizer would refuse, and
    BadModelFile for an architecture whose tensors are not known.
    """
    from homeroom.models import blueprint, mix

    number = file_type_number(mix.known(quantization))
    metadata: dict[str, Value] = {**(general or {}), "general.file_type": number, **converted.metadata}
    shapes = blueprint.tensors(
        converted.architecture, metadata, tied=converted.tied, extras=converted.extras, name=name
    )
    types = mix.tensor_types(converted.architecture, metadata, shapes, quantization)
    return blueprint.header(
        converted.architecture,
        metadata,
        types,
        tied=converted.tied,
        extras=converted.extras,
        name=name if "general.name" not in metadata else "",
        vocabulary_bytes=converted.vocabulary_bytes,
    )


def facts(
    converted: Converted, quantization: str, *, name: str, general: Mapping[str, Value] | None = None
) -> ModelFacts:
    """The facts of *converted* in *quantization*. Raises as ``header``."""
    from homeroom.models.inspect import facts_from

    return facts_from((header(converted, quantization, name=name, general=general),), (name,), name=name)


def parameters(converted: Converted, *, trunk: bool = False, name: str = "config.json") -> int:
    """The parameters that *converted* describes: those of its own blocks, without the converter's tables.

    With *trunk* the blocks that only predict further tokens are left out.
    """
    from homeroom.models import blueprint
    from homeroom.models.shapes import Keys, trunk_length

    shapes = blueprint.tensors(
        converted.architecture, converted.metadata, tied=converted.tied, extras=converted.extras, name=name
    )
    keys = Keys(converted.metadata, converted.architecture, name)
    count = keys.whole("block_count")
    last = trunk_length(keys, count)
    return sum(
        shape.elements
        for shape in shapes
        if shape.name not in FACTORS
        and not (trunk and shape.name.startswith("blk.") and int(shape.name.split(".")[1]) >= last)
    )


def published(
    config: Mapping[str, Any], index: Mapping[str, Any], path: object = "model.safetensors.index.json"
) -> int | None:
    """The parameters that a repository's index announces: ``metadata.total_parameters``, else its bytes by the plain
    type of the weights; None where it tells neither or the weights are quantized. Raises BadModelFile for nonsense."""
    metadata = index.get("metadata")
    if metadata is None:
        return None
    if not isinstance(metadata, Mapping):
        raise BadModelFile(
            "catalogue.wrong_kind", path=path, key="metadata", expected="{...}", found=type(metadata).__name__
        )
    for key in ("total_parameters", "total_size"):
        value = metadata.get(key)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e16
        ):
            raise BadModelFile("catalogue.wrong_kind", path=path, key=key, expected="1, 2, ...", found=str(value)[:40])
    if (count := metadata.get("total_parameters")) is not None:
        return int(count)
    from homeroom.models.config import weight_format

    nested = config.get("text_config")
    kind = config.get("torch_dtype") or config.get("dtype")
    if kind is None and isinstance(nested, Mapping):
        kind = nested.get("torch_dtype") or nested.get("dtype")
    size = metadata.get("total_size")
    if size is None or not isinstance(kind, str) or kind not in _BYTES or weight_format(config, path) is not None:
        return None
    return int(size / _BYTES[kind])


def convert(
    config: Mapping[str, Any], index: Mapping[str, Any] | None = None, path: object = "config.json"
) -> Converted:
    """*config* converted, with a note where the index of the files counts other parameters than it describes.

    Towers for images and sound are not in a text model's GGUF: with one of them the counts may differ, and no note is
    made. Raises BadModelFile as ``from_config``.
    """
    converted = from_config(config, path)
    count = published(config, index, path) if index is not None else None
    if count is None or converted.notes:
        return converted
    counts = {parameters(converted, trunk=trunk, name=str(path)) for trunk in (False, True)}
    # Files may hold a few buffers more (inverse frequencies) than the model has parameters.
    if min(abs(count - one) for one in counts) <= count // 2000:
        return converted
    from dataclasses import replace

    return replace(converted, notes=(*converted.notes, "catalogue.note.differs"), published=count)
