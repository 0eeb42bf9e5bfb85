"""A model's facts from the header of its file alone; refuses what the engine would refuse or abort on.

Knows how a header says what a model is; does not know names and stores (``store``) nor memory in use (``fit``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from homeroom.errors import BadModelFile
from homeroom.models.facts import Layer, ModelFacts
from homeroom.models.gguf import Header, LongArray, Tensor, Value, read_header
from homeroom.models.gguf_reader import bad_file, plain
from homeroom.models.quantization import file_type_name
from homeroom.models.scratch import scratch
from homeroom.models.shapes import ENCODERS, RECURRENT, Keys, layers, trunk_length
from homeroom.models.weights import weigh

_SHARD: Final = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$")
MOST_SHARDS: Final = 1000
_BLOCK: Final = re.compile(r"^blk\.(\d{1,6})\.")
_POOLING: Final[Mapping[int, str]] = {1: "mean", 2: "cls", 3: "last", 4: "rank"}
_NOT_MODELS: Final = frozenset({"adapter", "imatrix", "mmproj", "vocab"})
_ROPE_SCALING: Final = ("none", "linear", "yarn", "longrope")
_MAX_EXPERTS: Final = 1024
"""LLAMA_MAX_EXPERTS."""
_MAX_LENGTH: Final = (1 << 32) - 1
_MAX_WIDTH: Final = 1 << 24
"""Of a feed-forward: some hundred times what any model has."""

_PLAIN: Final = frozenset(
    {
        "gemma",
        "gemma2",
        "gemma3",
        "granite",
        "llama",
        "mistral3",
        "olmo2",
        "phi3",
        "qwen2",
        "qwen2moe",
        "qwen3",
        "qwen3moe",
        "smollm3",
        "starcoder2",
    }
)
"""Architectures whose tensors have the shapes that their metadata says, with no exception."""


def inspect(path: Path | str, name: str | None = None, sha256: str | None = None) -> ModelFacts:
    """The facts of the model at *path* (any shard of a split one), read in milliseconds, without a weight.

    *name* is what the user calls it, else the file's stem. Raises BadModelFile for a file that is missing, damaged,
    cut off, lacking a shard, or that describes no model that the engine could load.
    """
    paths = shards(Path(path))
    headers = tuple(read_header(each) for each in paths)
    return facts_from(headers, paths, name=name or model_stem(paths[0].name), paths=paths, sha256=sha256)


def facts_from(
    headers: Sequence[Header],
    sources: Sequence[object],
    *,
    name: str,
    paths: tuple[Path, ...] = (),
    sha256: str | None = None,
) -> ModelFacts:
    """The facts of the model whose shards have *headers*, in order, wherever they were read.

    *sources* are what an error calls each of them (a path, an address); *paths* the files on this machine, none for a
    model that is elsewhere. Raises BadModelFile as ``inspect``.
    """
    path = sources[0]
    metadata = headers[0].metadata
    _check_shards(sources, headers)
    tensors = tuple(tensor for header in headers for tensor in header.tensors)
    architecture = _architecture(metadata, path)
    if not any(tensor.elements for tensor in tensors):
        raise BadModelFile("gguf.no_tensors", path=path)
    keys = Keys(metadata, architecture, path)
    context = keys.within("context_length", 1, _MAX_LENGTH)
    shape = layers(keys)
    _check_rest(keys)
    _check_blocks(keys, tensors, len(shape))
    _check_heads(keys, tensors, shape)
    experts = keys.whole("expert_count", 0)
    experts_used = max(keys.per_layer("expert_used_count", len(shape), (0,)))
    weights, active = weigh(
        tensors, len(shape), trunk=trunk_length(keys, len(shape)), experts=experts, experts_used=experts_used
    )
    parameters = sum(tensor.elements for tensor in tensors)
    tensor_bytes = sum(tensor.size for tensor in tensors)
    return ModelFacts(
        name=name,
        paths=paths,
        sha256=sha256,
        architecture=architecture,
        title=_seen(_text(metadata, "general.name", path)),
        parameters=parameters,
        file_bytes=sum(header.file_bytes for header in headers),
        tensor_bytes=tensor_bytes,
        quantization=file_type_name(_file_type(metadata, path), _bytes_by_type(tensors)),
        bits_per_weight=tensor_bytes * 8 / parameters,
        context_length=context,
        embedding_length=keys.whole("embedding_length"),
        vocabulary=_vocabulary(keys, tensors),
        layers=shape,
        chat_template=_lenient_text(metadata, "tokenizer.chat_template"),
        pooling=_pooling(keys),
        license=_seen(_lenient_text(metadata, "general.license")),
        base=_seen(_lenient_text(metadata, "general.base_model.0.name")),
        tokenizer=_seen(_lenient_text(metadata, "tokenizer.ggml.model")),
        weights=weights,
        active_parameters=active,
        experts=experts,
        experts_used=experts_used,
        scratch=scratch(keys, shape),
    )


def shards(path: Path) -> tuple[Path, ...]:
    """The files of the model that *path* belongs to, in order. Raises BadModelFile where one is not there."""
    match = _SHARD.match(path.name)
    if match is None or int(match["count"]) <= 1:
        return (path,)
    count = int(match["count"])
    if not path.exists():
        raise BadModelFile("gguf.missing", path=path)
    found: list[Path] = []
    for number in range(1, count + 1):
        shard = path.with_name(f"{match['stem']}-{number:05d}-of-{count:05d}.gguf")
        if not shard.exists():
            raise BadModelFile("gguf.missing_shard", path=path, count=count, missing=shard.name)
        found.append(shard)
    return tuple(found)


def shard_names(name: str) -> tuple[str, ...]:
    """The names of all files of the model that the file *name* is one of; ``(name,)`` for one that is not split."""
    match = _SHARD.match(name)
    if match is None or not 0 < int(match["number"]) <= int(match["count"]) <= MOST_SHARDS:
        return (name,)
    count = int(match["count"])
    return tuple(f"{match['stem']}-{number:05d}-of-{count:05d}.gguf" for number in range(1, count + 1))


def first_shard(name: str) -> str:
    """The first of ``shard_names``, without making all of them."""
    match = _SHARD.match(name)
    if match is None or not 0 < int(match["number"]) <= int(match["count"]) <= MOST_SHARDS:
        return name
    return f"{match['stem']}-{1:05d}-of-{int(match['count']):05d}.gguf"


def model_stem(name: str) -> str:
    """A GGUF file's name without its suffix and shard number."""
    match = _SHARD.match(name)
    return match["stem"] if match else name.removesuffix(".gguf")


def _check_shards(paths: Sequence[object], headers: Sequence[Header]) -> None:
    """The files say of themselves what their names say, and together hold each tensor once."""
    seen: set[str] = set()
    for index, (path, header) in enumerate(zip(paths, headers, strict=True)):
        for key, expected in (("split.count", len(paths)), ("split.no", index)):
            value = header.metadata.get(key, expected if len(paths) == 1 else None)
            if value != expected and not (key == "split.count" and len(paths) == 1 and value == 0):
                raise BadModelFile("gguf.wrong_shard", path=path, key=key, value=value, expected=expected)
        for tensor in header.tensors:
            if tensor.name in seen:
                raise bad_file("duplicate", path, what=tensor.name, at=header.data_offset)
            seen.add(tensor.name)
    total = headers[0].metadata.get("split.tensors.count")
    if len(paths) > 1 and total is not None and total != len(seen):
        raise BadModelFile(
            "gguf.wrong_shard", path=paths[0], key="split.tensors.count", value=total, expected=len(seen)
        )


def _architecture(metadata: Mapping[str, Value], path: object) -> str:
    kind = _lenient_text(metadata, "general.type")
    if kind in _NOT_MODELS:
        raise bad_file("not_a_model", path, kind=kind)
    architecture = _text(metadata, "general.architecture", path)
    if not architecture:
        raise BadModelFile("gguf.missing_key", path=path, key="general.architecture")
    if architecture == "clip" or not re.fullmatch(r"[!-~]{1,64}", architecture):
        raise bad_file("not_a_model", path, kind=architecture)
    return architecture


def _text(metadata: Mapping[str, Value], key: str, path: object) -> str | None:
    """A text that the engine reads too, and refuses to load a model where it is something else."""
    value = metadata.get(key)
    if value is None or isinstance(value, str):
        return value or None
    raise BadModelFile("gguf.wrong_kind", path=path, key=key, expected="text", found=type(value).__name__)


def _seen(value: str | None) -> str | None:
    """Text of the file that is shown as it is: one that could do something to a terminal is made harmless."""
    return plain(value) if value is not None else None


def _lenient_text(metadata: Mapping[str, Value], key: str) -> str | None:
    value = metadata.get(key)
    return value or None if isinstance(value, str) else None


def _file_type(metadata: Mapping[str, Value], path: object) -> int | None:
    value = metadata.get("general.file_type")
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise BadModelFile(
        "gguf.wrong_kind",
        path=path,
        key="general.file_type",
        expected="0, 1, 2, ...",
        found=type(value).__name__,
    )


def _bytes_by_type(tensors: Iterable[Tensor]) -> dict[int, int]:
    total: dict[int, int] = {}
    for tensor in tensors:
        total[tensor.type] = total.get(tensor.type, 0) + tensor.size
    return total


def _pooling(keys: Keys) -> str | None:
    number = keys.metadata.get(keys.name("pooling_type"))
    if isinstance(number, int) and number in _POOLING:
        return _POOLING[number]
    return "mean" if keys.architecture in ENCODERS else None


def _vocabulary(keys: Keys, tensors: Iterable[Tensor]) -> int:
    """Tokens in the vocabulary: the tokenizer's list, which the engine counts; else the embedding's rows."""
    embedding = next((tensor for tensor in tensors if tensor.name == "token_embd.weight"), None)
    tokens = keys.metadata.get("tokenizer.ggml.tokens")
    count = tokens.count if isinstance(tokens, LongArray) else len(tokens) if isinstance(tokens, tuple) else None
    if embedding is None or len(embedding.shape) != 2:
        return count if count is not None else keys.whole("vocab_size", 0)
    if keys.architecture in _PLAIN:
        width = keys.whole("embedding_length")
        if embedding.shape[0] != width:
            _wrong_shape(keys, embedding, keys.name("embedding_length"), f"{width}x{embedding.shape[1]}")
        if count is not None and embedding.shape[1] != count:
            _wrong_shape(keys, embedding, "tokenizer.ggml.tokens", f"{width}x{count}")
    return count if count is not None else embedding.shape[1]


def _wrong_shape(keys: Keys, tensor: Tensor, key: str, expected: str) -> None:
    keys.fail("wrong_shape", tensor=tensor.name, found="x".join(map(str, tensor.shape)), key=key, expected=expected)


def _check_rest(keys: Keys) -> None:
    """Values on which the engine would abort the process (its GGML_ASSERTs in ``load_hparams``)."""
    count = keys.within("block_count", 1, _MAX_LENGTH)
    experts = keys.within("expert_count", 0, _MAX_EXPERTS, 0)
    used = max(keys.per_layer("expert_used_count", count, (0,)))
    groups = keys.whole("expert_group_count", 0)
    if experts <= 1 and keys.architecture in ("hunyuan-dense", "hunyuan_vl"):
        experts = used = 0
    low, high = (1, experts) if experts else (0, 0)
    if not low <= used <= high:
        keys.fail("bad_value", key=keys.name("expert_used_count"), value=used, allowed=f"{low}..{high}")
    if groups and (groups >= experts or experts % groups):
        keys.fail(
            "bad_value",
            key=keys.name("expert_group_count"),
            value=groups,
            allowed=f"0, or a part of {experts}",
        )
    if groups > 1:
        keys.within("expert_group_used_count", 1, groups - 1, 0)
    for key in ("feed_forward_length", "expert_feed_forward_length", "expert_shared_feed_forward_length"):
        widest = max(keys.per_layer(key, count, (0,)))
        if widest > _MAX_WIDTH:
            keys.fail("bad_value", key=keys.name(key), value=widest, allowed=f"0..{_MAX_WIDTH}")
    scaling = keys.metadata.get(keys.name("rope.scaling.type"), "none")
    if scaling not in _ROPE_SCALING:
        allowed = " | ".join(_ROPE_SCALING)
        keys.fail("bad_value", key=keys.name("rope.scaling.type"), value=str(scaling)[:40], allowed=allowed)


def _check_blocks(keys: Keys, tensors: Iterable[Tensor], count: int) -> None:
    """Each block that the header announces has tensors."""
    found = {int(match[1]) for tensor in tensors if (match := _BLOCK.match(tensor.name))}
    trunk = trunk_length(keys, count)
    if not found or (trunk < count and 0 not in found):  # no plain blocks; a file of prediction layers alone
        return
    for index in range(trunk):
        if index not in found:
            keys.fail("missing_block", key=keys.name("block_count"), count=count, block=index)


def _check_heads(keys: Keys, tensors: Iterable[Tensor], shape: tuple[Layer, ...]) -> None:
    """Heads divide into KV heads, and the key tensors are as large as the KV cache that they will fill."""
    count = len(shape)
    heads = keys.per_layer("attention.head_count", count, (0,) * count)
    if keys.architecture in _PLAIN and not all(heads):
        keys.fail("bad_value", key=keys.name("attention.head_count"), value=0, allowed="1, 2, ...")
    for index, layer in enumerate(shape):
        if layer.kv_heads and heads[index] % layer.kv_heads:
            keys.fail("bad_heads", layer=index, dividend=heads[index], divisor=layer.kv_heads)
    if keys.architecture not in _PLAIN or keys.architecture in RECURRENT:
        return
    for tensor in tensors:
        match = _BLOCK.match(tensor.name)
        if match is None or not tensor.name.endswith(".attn_k.weight") or int(match[1]) >= count:
            continue
        layer = shape[int(match[1])]
        rows = layer.kv_heads * layer.key_length
        if tensor.shape[1:] != (rows,):
            width = tensor.shape[0] if tensor.shape else 0
            _wrong_shape(keys, tensor, keys.name("attention.head_count_kv"), f"{width}x{rows}")
