"""A Hugging Face ``config.json`` as the GGUF metadata that llama.cpp's converter would write.

Knows ``model_type`` and what is nested where; the families are in ``conversion``. The file is hostile until checked:
types, numbers and lengths. Reads no weights, and does not know which tensors there are (``blueprint``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeroom.errors import BadModelFile
from homeroom.models.conversion.reader import MAX_WHOLE, Config
from homeroom.models.gguf import Value

_NESTED: Final = ("text_config", "llm_config", "language_config")
_LARGEST: Final = 3e38
_WRAPPERS: Final = frozenset(
    {"kimi_k25", "kimi_vl", "lfm2_vl", "lfm2-vl", "llava", "llava_next", "mistral3", "qwen3_omni_moe", "voxtral"}
)
"""Types that are no family of their own and change nothing in the text model that they hold."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A model as its GGUF would describe it, without the tokenizer's lists."""

    architecture: str
    """``general.architecture``: a name of llama.cpp, ``qwen2``."""
    metadata: dict[str, Value]
    """Keys of the header with the architecture in front: ``qwen2.block_count``. ``vocab_size`` is always among them."""
    tied: bool
    """Whether the output head is the embedding table."""
    extras: frozenset[str]
    """Optional tensors that the model has and its metadata does not announce, for ``blueprint.tensors``."""
    format: str | None
    """How the published weights are stored where that is not plain: ``FP8``, ``AWQ 4-bit``."""
    notes: tuple[str, ...] = ()
    """Keys of messages: what of the model is left aside (a vision tower), and whether the files hold something else."""
    published: int | None = None
    """Parameters that the files hold, where that is not what the configuration describes."""

    @property
    def vocabulary_bytes(self) -> int:
        """About what the tokenizer's lists take in a GGUF of this model (seen in published files: 0.1 % of most)."""
        tokens = self.metadata[f"{self.architecture}.vocab_size"]
        assert isinstance(tokens, int)
        return tokens * _token_bytes(self.architecture, tokens)


def _token_bytes(architecture: str, tokens: int) -> int:
    """Bytes of a token with its type and its score or merges: SentencePiece (Gemma, XLM-R, the 32,000 tokens of Llama 2
    and Mistral) has no merges, Llama 3 has two for each token, byte-pair vocabularies else have one."""
    if architecture.startswith("gemma") or tokens <= 33_000:
        return 25
    if architecture == "bert":
        return 27
    return 61 if tokens == 128_256 else 39


def from_config(config: Mapping[str, Any], path: object = "config.json") -> Converted:
    """What *config* says, converted. *path* stands for the file in an error.

    Raises BadModelFile for a ``model_type`` that is not known, and where a value is missing, of another type or too large.
    """
    from homeroom.models.conversion.draft import Draft, write_common
    from homeroom.models.conversion.table import FAMILIES

    outer = Config(config, path)
    values, kind = _text_model(outer)
    family = FAMILIES.get(kind)
    if family is None:
        raise BadModelFile("catalogue.unknown_type", path=path, kind=kind or "?")
    draft = Draft(Config({**family.defaults, **values}, path), family.architecture)
    write_common(draft)
    if family.step is not None:
        family.step(draft)
    tied = draft.tied if draft.tied is not None else _tied(outer, values, family.tied)
    metadata = {f"{draft.architecture}.{key}": value for key, value in draft.keys.items()}
    _check_range(draft.config, metadata)
    notes = tuple(
        f"catalogue.note.{name}"
        for name, parts in (("vision", ("vision_config", "vision_tower")), ("audio", ("audio_config",)))
        if any(outer.has(part) for part in parts)
    )
    return Converted(
        draft.architecture,
        {**metadata, **draft.general},
        tied,
        frozenset(draft.extras),
        weight_format(config, path),
        notes,
    )


def _check_range(config: Config, metadata: Mapping[str, Value]) -> None:
    """What was worked out fits into a GGUF, as what was read does."""
    for key, value in metadata.items():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, int) and not 0 <= item <= MAX_WHOLE:
                config.fail("wrong_kind", key=key, expected=f"0..{MAX_WHOLE}", found=item)
            if isinstance(item, float) and not (abs(item) <= _LARGEST or item == -math.inf):
                config.fail("wrong_kind", key=key, expected="a number of 32 bits", found=item)


def _text_model(outer: Config) -> tuple[dict[str, Any], str]:
    """The text model's values with those of the whole behind them, and its type: the nested one where that is known."""
    from homeroom.models.conversion.table import FAMILIES, OUTER

    kind = outer.text("model_type") or ""
    inner = outer.part(*_NESTED)
    values: dict[str, Any] = dict(outer.values)
    values.update((name, value) for name, value in inner.values.items() if value is not None)
    nested = inner.text("model_type") or ""
    if nested in FAMILIES and kind not in OUTER and (kind in FAMILIES or kind in _WRAPPERS or not kind):
        kind = nested
    elif nested:
        values["model_type"] = nested
    return values, kind


def _tied(outer: Config, values: Mapping[str, Any], default: bool) -> bool:
    """The whole's word counts before the nested one: it is the one that transformers obeys."""
    for config in (outer, Config(values, outer.path)):
        for name in ("tie_word_embeddings", "tie_embedding"):
            if config.has(name):
                return config.flag(name)
    return default


def weight_format(config: Mapping[str, Any], path: object = "config.json") -> str | None:
    """The name of the format of a repository's weights: ``FP8``, ``AWQ 4-bit``, ``GPTQ 8-bit``, ``bitsandbytes 4-bit``,
    ``MXFP4``, ``NVFP4``; None for plain ones."""
    outer = Config(config, path)
    part = outer.part("quantization_config")
    if not part.values:
        part = outer.part(*_NESTED).part("quantization_config")
    if not part.values:
        return None
    method = (part.text("quant_method", "quantization_method") or "").lower()
    if method in ("modelopt", "compressed-tensors"):
        named = (part.text("quant_algo", "format") or "").lower()
        method = next((name for name in ("nvfp4", "mxfp4", "fp8", "int8") if name in named), _by_bits(part) or method)
    bits = part.maybe_whole("bits", "w_bit")
    if method == "bitsandbytes":
        bits = 4 if part.flag("load_in_4bit", "_load_in_4bit") else 8
    name = {"fbgemm_fp8": "FP8", "bitsandbytes": "bitsandbytes"}.get(method, method.upper())
    return f"{name} {bits}-bit" if bits else name or None


def _by_bits(part: Config) -> str | None:
    """The name of a compressed-tensors format of which only the widths are told."""
    groups = part.part("config_groups")
    for group in list(groups.values.values())[:4]:
        weights = Config(group, part.path).part("weights") if isinstance(group, Mapping) else None
        if weights is not None and (bits := weights.maybe_whole("num_bits")):
            kind = weights.text("type") or "int"
            return "fp8" if (kind, bits) == ("float", 8) else "nvfp4" if (kind, bits) == ("float", 4) else f"int{bits}"
    return None
