"""A real model's header in other quantizations, as sparse files: where only header and size matter."""

from __future__ import annotations

from pathlib import Path

from homeroom.models import mix
from homeroom.models.gguf import read_header
from homeroom.models.gguf_write import for_sizing, write
from homeroom.models.quantization import file_type_number


def in_quantization(source: Path, quantization: str, target: Path, *, fatter: int = 0) -> Path:
    """Write at *target* what llama.cpp's quantizer would make of *source*, without its vocabulary, its weights being holes.

    *fatter* more bytes lie behind the weights.
    """
    header = read_header(source)
    metadata = for_sizing(header.metadata, header.tensors) | {"general.file_type": file_type_number(quantization)}
    architecture = str(header.metadata["general.architecture"])
    types = mix.tensor_types(architecture, header.metadata, header.tensors, quantization)
    lines = [(line.name, line.shape, kind) for line, kind in zip(header.tensors, types, strict=True)]
    write(metadata, lines, target)
    if fatter:
        with target.open("r+b") as file:
            file.truncate(target.stat().st_size + fatter)
    return target
