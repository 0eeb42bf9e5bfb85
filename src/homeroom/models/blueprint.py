"""The header that llama.cpp's converter would write for a model that is not at hand: its tensors from its metadata.

Knows names and shapes; does not know which quantization gives a tensor which type (``mix``), and holds no model's
numbers (the catalogue). The engine is the proof: it refuses a header with a tensor missing, left over or misshapen.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from homeroom.errors import BadModelFile
from homeroom.models.architectures import PLANS
from homeroom.models.architectures.plan import EXTRAS, Plan
from homeroom.models.architectures.widths import Block, Model
from homeroom.models.gguf import DEFAULT_ALIGNMENT, Header, LongArray, Tensor, Value
from homeroom.models.gguf_write import Value as Writable
from homeroom.models.gguf_write import header_bytes, tensor_bytes
from homeroom.models.quantization import TENSOR_TYPES


@dataclass(frozen=True, slots=True)
class TensorShape:
    """A tensor's name and its shape in GGUF order, the row length first."""

    name: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


def architectures() -> frozenset[str]:
    """The architectures whose tensors are known, by the names of ``general.architecture``."""
    return frozenset(PLANS)


def tensors(
    architecture: str,
    metadata: Mapping[str, Value],
    *,
    tied: bool = False,
    extras: Collection[str] = (),
    name: str = "",
) -> tuple[TensorShape, ...]:
    """The tensors of a model, in the order of its blocks, from its GGUF metadata as the converter writes it.

    *tied*: the output head is the embedding table, so there is no ``output.weight``. *extras* names the optional
    tensors that metadata does not announce (``architectures.plan.EXTRAS``). *name* is the model's, for an error.
    Raises BadModelFile for an architecture that is not known, and for metadata without what the architecture needs.
    """
    path = name or architecture
    plan = PLANS.get(architecture)
    if plan is None:
        raise BadModelFile("blueprint.unknown_architecture", path=path, architecture=architecture)
    if unknown := sorted(set(extras) - EXTRAS):
        raise ValueError(f"no such optional tensors: {', '.join(unknown)}")
    model = Model(architecture, metadata, frozenset(extras), path)
    return (*_top(plan, model, tied), *_blocks(plan, model))


def _top(plan: Plan, model: Model, tied: bool) -> Iterator[TensorShape]:
    """The tensors outside of any block."""
    block = Block(model, 0)
    rows = plan.top(block) if callable(plan.top) else plan.top
    return (TensorShape(*_shape(block, row)) for row in rows if not (tied and row.startswith("output ")))


def _blocks(plan: Plan, model: Model) -> Iterator[TensorShape]:
    """The tensors of each block in turn; blocks of the same rows and widths are worked out once."""
    worked_out: dict[object, list[tuple[str, tuple[int, ...]]]] = {}
    for index in range(model.count):
        block = Block(model, index)
        rows = tuple(plan.block(block))
        alike = (rows, block.own, tuple(block.known.items()))
        if alike not in worked_out:
            worked_out[alike] = [_shape(block, row) for row in rows]
        for name, shape in worked_out[alike]:
            yield TensorShape(f"blk.{index}.{name}", shape)


def _shape(block: Block, row: str) -> tuple[str, tuple[int, ...]]:
    name, *dimensions = row.split()
    if name.endswith("."):
        name = name[:-1]
    elif not name.endswith((".weight", ".bias", ".scale")):
        name += ".weight"
    return name, tuple(block.dimension(dimension) for dimension in dimensions)


def header(
    architecture: str,
    metadata: Mapping[str, Value],
    types: Sequence[int],
    *,
    tied: bool = False,
    extras: Collection[str] = (),
    name: str = "",
    vocabulary_bytes: int = 0,
    shapes: Sequence[TensorShape] | None = None,
) -> Header:
    """The header of a file that holds this model, its i-th tensor of ggml type *types[i]*, as if it had been read.

    The arguments are those of ``tensors``, and *shapes* its answer where it is at hand. *vocabulary_bytes* is what
    the tokenizer's lists would add to the file where *metadata* has none. Raises BadModelFile where a row is no whole
    number of its type's blocks.
    """
    full = {"general.architecture": architecture, **({"general.name": name} if name else {}), **metadata}
    lines: list[Tensor] = []
    offset = 0
    if shapes is None:
        shapes = tensors(architecture, metadata, tied=tied, extras=extras, name=name)
    for shape, number in zip(shapes, types, strict=True):
        kind = TENSOR_TYPES[number]
        if shape.shape[0] % kind.block:
            row = {"row": shape.shape[0], "type": kind.name, "block": kind.block}
            raise BadModelFile("gguf.broken_row", path=name or architecture, what=shape.name, at=offset, **row)
        size = tensor_bytes(shape.shape, number)
        lines.append(Tensor(shape.name, shape.shape, number, offset, size))
        offset += size + -size % DEFAULT_ALIGNMENT
    start = header_bytes(writable(full), [(line.name, line.shape, line.type) for line in lines]) + vocabulary_bytes
    start += -start % DEFAULT_ALIGNMENT
    return Header(3, False, full, tuple(lines), DEFAULT_ALIGNMENT, start, start + offset)


def writable(metadata: Mapping[str, Value]) -> dict[str, Writable]:
    """*metadata* of a header, less the arrays that were not kept when it was read."""
    return {key: value for key, value in metadata.items() if not isinstance(value, LongArray)}
