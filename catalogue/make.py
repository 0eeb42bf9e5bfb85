"""Makes ``src/homeroom/models/data/catalogue.json`` from the TOML files beside this one: ``make catalogue``.

Knows how to convert, check and digest an entry; knows no facts of its own, and asks the network nothing unless told to
(``--fetch NAME`` compares an entry's configuration with the one that is published). A wrong entry is left out and told:
a wrong shape is worse than a missing one.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from homeroom.errors import HomeroomError
from homeroom.models import blueprint, mix
from homeroom.models.catalogue import _FIRST, FORMAT, Entry, entry_from
from homeroom.models.config import Converted, from_config
from homeroom.models.facts import ModelFacts
from homeroom.models.gguf import DEFAULT_ALIGNMENT, Tensor
from homeroom.models.inspect import facts_from
from homeroom.models.quantization import TENSOR_TYPES
from homeroom.models.safetensors import header, parameters
from homeroom.models.shapes import Keys, trunk_length
from homeroom.models.weights import weigh

HERE: Final = Path(__file__).resolve().parent
DATA: Final = HERE.parent / "src" / "homeroom" / "models" / "data" / "catalogue.json"

TEXT: Final = ("name", "title", "repository", "publisher", "licence", "kind", "date")
OPTIONAL: Final = (
    *("released", "teacher", "base", "default_quantization", "grades_source", "note", "checked"),
    *("published_active_rounded", "published_parameters_rounded", "published_counts"),
)
LISTS: Final = ("aliases", "sources")
COUNTS: Final = ("parameters", "parameters_mtp", "published_parameters", "published_active")
PARTS: Final = re.compile(r"published_\w+_parameters")
"""Parts of a published count that a text model's GGUF has not: towers, scales of quantized weights, buffers."""
TABLES: Final = ("config", "grades", "sizes_gb")
KNOWN: Final = frozenset((*TEXT, *OPTIONAL, *LISTS, *COUNTS, *TABLES))
_DATE: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(:[a-z0-9][a-z0-9._-]*)?")


class Wrong(Exception):
    """Why an entry is left out."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One line of the table: *fatal* leaves the entry out."""

    name: str
    fatal: bool
    what: str


def load(folder: Path = HERE) -> list[dict[str, Any]]:
    """The raw entries of all files, in the files' order. Raises Wrong for a file that is no TOML."""
    entries: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise Wrong(f"{path.name}: {error}") from None
        if set(found) != {"model"}:
            raise Wrong(f"{path.name}: tables other than [[model]]: {sorted(set(found) - {'model'})}")
        entries += found["model"]
    return entries


def make(raw: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[Problem]]:
    """The catalogue's JSON entries, and what is wrong with those that are missing."""
    made: list[dict[str, Any]] = []
    problems: list[Problem] = []
    taken: dict[str, str] = {}
    for one in raw:
        name = str(one.get("name", "?"))
        try:
            check_fields(one)
            _check_names(one, taken)
            entry, warnings = entry_json(one)
        except (Wrong, HomeroomError) as error:
            problems.append(Problem(name, True, str(error)))
            continue
        made.append(entry)
        problems += [Problem(name, False, warning) for warning in warnings]
    return made, problems


def check_fields(one: Mapping[str, Any]) -> None:
    """Nothing unknown, nothing of another type."""
    counts = (*COUNTS, *(key for key in one if PARTS.fullmatch(key)))
    if unknown := sorted({*one} - KNOWN - {*counts}):
        raise Wrong(f"unknown fields: {', '.join(unknown)}")
    for keys, kind in (((*TEXT, *OPTIONAL), str), (LISTS, list), (counts, int), (TABLES, dict)):
        for key in keys:
            if key in one and (not isinstance(one[key], kind) or isinstance(one[key], bool)):
                raise Wrong(f"{key} is no {kind.__name__}")
    for key in (*TEXT, "parameters", "config"):
        if not one.get(key):
            raise Wrong(f"no {key}")
    if not one.get("sources") and one.get("checked") != "single-source":
        raise Wrong("no sources")
    for key in ("released", "date"):
        if key in one and not _DATE.fullmatch(one[key]):
            raise Wrong(f"{key} is no date: {one[key]}")
    for name in (one["name"], *one.get("aliases", ())):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise Wrong(f"no name that can be typed: {name}")
    for key in ("grades", "sizes_gb"):
        for label, number in one.get(key, {}).items():
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise Wrong(f"{key}: {label} is no number")
    if one.get("grades") and not one.get("grades_source"):
        raise Wrong("grades without grades_source")


def _check_names(one: Mapping[str, Any], taken: dict[str, str]) -> None:
    names = [one["name"], *one.get("aliases", ())]
    for name in names:
        if (other := taken.get(name)) is not None and other != one["name"]:
            raise Wrong(f"{name} is a name of {other} too")
        if name in taken or names.count(name) > 1:
            raise Wrong(f"{name} is there twice")
    taken.update((name, one["name"]) for name in names)


def entry_json(one: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """An entry with its shape and digests, and warnings. Raises Wrong and HomeroomError where it is wrong."""
    converted = _published_context(one, _without_tables(one, from_config(one["config"], one["name"])))
    warnings = check_parameters(one, converted)
    labels = _labels(one)
    default = one.get("default_quantization") or "Q4_K_M"
    general: dict[str, Any] = {"general.name": one["title"]}
    if one.get("licence"):
        general["general.license"] = one["licence"]
    if one.get("base"):
        general |= {"general.base_model.count": 1, "general.base_model.0.name": one["base"]}
    first = header(converted, "F32", name=one["name"], general=general)
    facts = facts_from((first,), (one["name"],), name=one["name"])
    digests: dict[str, str] = {}
    for label in labels:
        try:
            digests[label] = digest(converted, label, facts, first.data_offset)
        except HomeroomError as error:
            if label == default:
                raise Wrong(f"not in its usual quantization {label}: {error}") from None
            warnings.append(f"no {label}: {error.message}")
    digests = dict(sorted(digests.items(), key=lambda item: (-_bytes(item[1])[0], item[0])))
    entry: dict[str, Any] = {key: one[key] for key in (*TEXT, *OPTIONAL, *LISTS, "grades") if one.get(key)}
    if sizes := one.get("sizes_gb"):
        entry["sizes"] = {label: round(size * 1e9) for label, size in sizes.items()}
    entry |= {
        "architecture": converted.architecture,
        "metadata": converted.metadata,
        "tied": converted.tied,
        "extras": sorted(converted.extras),
        "parameters": one["parameters"],
        "active_parameters": facts.active_parameters,
        "context_length": facts.context_length,
        "default_quantization": default,
        "shape": shape(facts),
        "weights": digests,
    }
    return entry, warnings + _check_sizes(one, digests)


def _without_tables(one: Mapping[str, Any], converted: Converted) -> Converted:
    """Some models publish prediction blocks without an embedding table and head of their own: the count tells."""
    bare = dataclasses.replace(converted, extras=converted.extras - {"nextn_embeddings"})
    if not one.get("parameters_mtp") or bare == converted:
        return converted
    full, trunk = (parameters(bare, trunk=trunk, name=one["name"]) for trunk in (False, True))
    others = sum(count for part, count in one.items() if PARTS.fullmatch(part))
    fits = one["parameters_mtp"] == full - trunk or one.get("published_parameters") == full + others
    return bare if fits else converted


def _published_context(one: Mapping[str, Any], converted: Converted) -> Converted:
    """The converter gives recurrent hybrids 1,048,576 tokens, "arbitrary": the published length counts where it is less."""
    key = f"{converted.architecture}.context_length"
    published, written = one["config"].get("max_position_embeddings"), converted.metadata.get(key)
    if not isinstance(published, int) or not isinstance(written, int) or written != 1 << 20 or published >= written:
        return converted
    return dataclasses.replace(converted, metadata={**converted.metadata, key: published})


def _tables(converted: Converted) -> int:
    """Parameters of a second embedding table and head."""
    return 2 * _number(converted, "embedding_length") * _number(converted, "vocab_size")


def check_parameters(one: Mapping[str, Any], converted: Converted) -> list[str]:
    """The shapes hold as many parameters as are published. Raises Wrong where they do not."""
    full, trunk = (parameters(converted, trunk=trunk, name=one["name"]) for trunk in (False, True))
    width = _number(converted, "embedding_length")
    dropped = _dropped(one["config"], converted)
    said = one["parameters"]
    if said not in (full, trunk, *(trunk + count for count in dropped)):
        raise Wrong(f"the shapes hold {trunk:,} parameters, published are {said:,} ({trunk / said - 1:+.3%})")
    predicted = one.get("parameters_mtp", 0)
    if full != trunk and predicted not in (0, full - trunk, full - trunk + _tables(converted)):
        raise Wrong(f"the prediction blocks hold {full - trunk:,} parameters, published are {predicted:,}")
    table = width * _number(converted, "vocab_size") if converted.tied else 0
    others = sum(count for part, count in one.items() if PARTS.fullmatch(part))
    bare = max(0, predicted - _tables(converted))
    sums = {said + others + more + copy for more in (0, predicted, bare) for copy in (0, table)}
    if (word := one.get("published_parameters_rounded")) is not None:
        if not any(rounds_to(total, word) for total in sums):
            raise Wrong(f"{said:,} parameters are not {word}")
        return []
    published = one.get("published_parameters")
    if published is None or published in sums:
        return []
    nearest = min(sums, key=lambda total: abs(total - published))
    message = (
        f"published_parameters {published:,} and the sum of its parts {nearest:,} ({nearest / published - 1:+.4%})"
    )
    if abs(nearest - published) > published // 4000:
        raise Wrong(message)
    return [message]


def _dropped(config: Mapping[str, Any], converted: Converted) -> list[int]:
    """What the converter leaves out of the published parameters: any of these counts."""
    width = _number(converted, "embedding_length")
    if converted.architecture == "bert":  # the pooler, and the positions of the padding
        return [width * (width + 1) + rows * width for rows in (0, 2)]
    if converted.architecture == "apertus":  # two numbers of each block's activation become metadata
        return [2 * _number(converted, "block_count")]
    if converted.architecture == "gemma3n":  # rows of tokens that the tokenizer has not
        return [width * (int(config.get("vocab_size", 0)) - _number(converted, "vocab_size"))]
    return []


def rounds_to(count: int, word: str) -> bool:
    """Whether *count* is what *word* (``567M``, ``1.4B``) rounds, or what it cuts off."""
    match = re.fullmatch(r"(\d+)(?:\.(\d+))?([MBT])", word)
    if match is None:
        raise Wrong(f"no rounded count: {word}")
    unit = {"M": 10**6, "B": 10**9, "T": 10**12}[match[3]]
    digits = len(match[2] or "")
    return -0.5 <= (count / unit - float(word[:-1])) * float(10**digits) < 1


def _number(converted: Converted, key: str) -> int:
    value = converted.metadata[f"{converted.architecture}.{key}"]
    assert isinstance(value, int)
    return value


def _labels(one: Mapping[str, Any]) -> tuple[str, ...]:
    """The chart's columns, the usual quantization, and those that are published."""
    usual = one.get("default_quantization") or "Q4_K_M"
    if usual == "MXFP4":  # published so, and hubs keep the experts so whatever a file is called
        return ("F32", "BF16", usual)
    wanted = [*mix.GRID, "F16", "Q4_0", usual, *one.get("sizes_gb", {})]
    return tuple(dict.fromkeys(mix.known(label) for label in wanted))


def digest(converted: Converted, label: str, facts: ModelFacts, data_offset: int) -> str:
    """One quantization, for ``catalogue._Digest``.

    The header of a quantization is as long as that of any other: its tensors have the same names and shapes.
    """
    key = (*_shape_key(converted), label)
    if key not in _DIGESTS:
        _DIGESTS[key] = _digest(converted, label, facts)
    total, padded, rest = _DIGESTS[key]
    return f"{total};{data_offset + padded};{rest}"


_DIGESTS: Final[dict[tuple[object, ...], tuple[int, int, str]]] = {}
"""Models of one shape are weighed once: there are many students and tunes of the same base."""

_SHAPELESS: Final = ("context_length", "epsilon", "rope.freq", "rope.scaling", "_scale", "softcapping", "general.")


def _shape_key(converted: Converted) -> tuple[object, ...]:
    """All that shapes and mixes can depend on: the metadata but for numbers that no tensor's width comes from."""
    shaped = sorted(item for item in converted.metadata.items() if not any(word in item[0] for word in _SHAPELESS))
    positions = converted.metadata.get("bert.context_length")
    return (converted.architecture, tuple(shaped), positions, converted.tied, converted.extras)


def _digest(converted: Converted, label: str, facts: ModelFacts) -> tuple[int, int, str]:
    """Bytes of the tensors, with padding, and the rest of the digest's text."""
    shapes = _shapes(converted)
    types = mix.tensor_types(converted.architecture, converted.metadata, shapes, label)
    tensors, total, padded = [], 0, 0
    for one, number in zip(shapes, types, strict=True):
        kind = TENSOR_TYPES[number]
        if one.shape[0] % kind.block:
            raise Wrong(f"{one.name} of {one.shape[0]} does not fit {kind.name}")
        size = one.elements // kind.block * kind.block_bytes
        tensors.append(Tensor(one.name, one.shape, number, 0, size))
        total += size
        padded += size + -size % DEFAULT_ALIGNMENT
    count = len(facts.layers)
    trunk = trunk_length(Keys(converted.metadata, converted.architecture, label), count)
    weights, _ = weigh(tensors, count, trunk=trunk, experts=facts.experts, experts_used=facts.experts_used)
    kinds, pattern = patterned([(layer.rest, layer.experts) for layer in weights.layers])
    pairs = " ".join(f"{rest} {experts}" for rest, experts in kinds)
    reads = " ".join(f"{name} {size}" for name, size in weights.reads)
    return total, padded, f"{weights.input};{weights.output};{weights.other};{pairs};{pattern};{reads}"


_LAST: list[tuple[Converted, tuple[blueprint.TensorShape, ...]]] = []


def _shapes(converted: Converted) -> tuple[blueprint.TensorShape, ...]:
    """The tensors of *converted*, worked out once for all its quantizations."""
    if not _LAST or _LAST[0][0] is not converted:
        shapes = blueprint.tensors(
            converted.architecture, converted.metadata, tied=converted.tied, extras=converted.extras
        )
        _LAST[:] = [(converted, shapes)]
    return _LAST[0][1]


def shape(facts: ModelFacts) -> dict[str, Any]:
    """What the facts of all quantizations have in common."""
    kinds, pattern = patterned([dataclasses.astuple(layer) for layer in facts.layers])
    return {
        "parameters": facts.parameters,
        "embedding": facts.embedding_length,
        "vocabulary": facts.vocabulary,
        "layers": kinds,
        "pattern": pattern,
        "pooling": facts.pooling,
        "experts": facts.experts,
        "used": facts.experts_used,
    }


def patterned(items: list[tuple[int, ...]]) -> tuple[list[list[int]], str]:
    """The different ones of *items* as they come, and a character for each of *items* that tells which it is."""
    kinds = list(dict.fromkeys(items))
    if len(kinds) > 78:
        raise Wrong(f"{len(kinds)} kinds of layers")
    return [list(kind) for kind in kinds], "".join(chr(_FIRST + kinds.index(item)) for item in items)


def _check_sizes(one: Mapping[str, Any], digests: Mapping[str, str]) -> list[str]:
    """Published sizes within half a percent (and half of their last digit) of what the shapes give."""
    warnings = []
    for label, size in one.get("sizes_gb", {}).items():
        if (digest := digests.get(mix.known(label))) is None:
            continue
        found, digits = _bytes(digest)[1] / 1e9, len(str(size).partition(".")[2])
        if abs(found - size) > size * 0.005 + 0.5 / 10**digits:
            warnings.append(f"{label}: {found:.3f} GB by its shapes, published {size} ({found / size - 1:+.1%})")
    return warnings


def _bytes(digest: str) -> tuple[int, int]:
    """Bytes of the tensors and of the file."""
    tensors, file, _ = digest.split(";", 2)
    return int(tensors), int(file)


def text_of(models: list[dict[str, Any]]) -> str:
    """The file: one model a line, keys in a fixed order."""
    lines = ",\n".join(json.dumps(model, ensure_ascii=False, separators=(",", ":")) for model in models)
    return f'{{"format":{FORMAT},"models":[\n{lines}\n]}}\n'


def table(problems: Iterable[Problem]) -> str:
    rows = [(one.name, "left out" if one.fatal else "note", one.what) for one in problems]
    width = max((len(row[0]) for row in rows), default=0)
    return "".join(f"{name:<{width}}  {kind:<8}  {what}\n" for name, kind, what in rows)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where the data file is not what the sources give")
    parser.add_argument("--fetch", metavar="NAME", help="compare an entry's configuration with the published one")
    chosen = parser.parse_args(arguments)
    try:
        raw = load()
        if chosen.fetch:
            lines = asyncio.run(fetch(chosen.fetch, raw, os.environ))
            sys.stdout.write("".join(f"{line}\n" for line in lines) or f"{chosen.fetch} is as published\n")
            return 1 if lines else 0
    except (Wrong, HomeroomError) as error:
        sys.stdout.write(f"{error}\n")
        return 1
    models, problems = make(raw)
    text = text_of(models)
    fatal = any(problem.fatal for problem in problems)
    if chosen.check:
        same = DATA.is_file() and DATA.read_text(encoding="utf-8") == text
        sys.stdout.write("" if same else f"{DATA.name} is not what the sources give: run make catalogue\n")
        return 0 if same else 1
    DATA.write_text(text, encoding="utf-8")
    sys.stdout.write(table(problems))
    left_out = sum(problem.fatal for problem in problems)
    sys.stdout.write(f"{len(models)} models, {left_out} left out, {len(text) / 1e6:.2f} MB\n")
    return 1 if fatal else 0


async def fetch(name: str, raw: Iterable[Mapping[str, Any]], environment: Mapping[str, str]) -> list[str]:
    """Where an entry's configuration differs from the one in its repository, asked of ``HF_ENDPOINT``.

    Both are converted: what counts is the metadata that comes of them.
    """
    one = next((one for one in raw if name in (one.get("name"), *one.get("aliases", ()))), None)
    if one is None:
        raise Wrong(f"no entry {name}")
    published = await published_config(one["repository"], environment)
    return differences(from_config(one["config"], name), from_config(published, one["repository"]))


async def published_config(repository: str, environment: Mapping[str, str]) -> Mapping[str, Any]:
    """``config.json`` of a repository, through the hubs' own door."""
    from homeroom.models import hub_names, hubs
    from homeroom.models.http import Client, Network

    reference = hub_names.parse(f"hf:{repository}")
    if reference is None:
        raise Wrong(f"no repository: {repository}")
    async with Client(Network()) as client:
        found = await hubs.find(client, reference, hub_names.endpoints(environment=environment))
    if found.safetensors is None:
        raise Wrong(f"{repository} is no repository of safetensors")
    return found.safetensors.config


def differences(here: Converted, there: Converted) -> list[str]:
    """Each key of the metadata that comes out otherwise."""
    if here.architecture != there.architecture:
        return [f"architecture: {here.architecture} here, {there.architecture} published"]
    lines = [
        f"{key}: {here.metadata.get(key)} here, {there.metadata.get(key)} published"
        for key in sorted({*here.metadata, *there.metadata})
        if here.metadata.get(key) != there.metadata.get(key)
    ]
    for what in ("tied", "extras"):
        if getattr(here, what) != getattr(there, what):
            lines.append(f"{what}: {getattr(here, what)} here, {getattr(there, what)} published")
    return lines


def entries(models: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """JSON entries as the package reads them."""
    return [entry_from(model) for model in json.loads(json.dumps(list(models)))]


if __name__ == "__main__":
    sys.exit(main())
