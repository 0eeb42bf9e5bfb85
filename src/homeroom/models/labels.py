"""What the name of a file or repository says of the model: quantization, size, role, part of a split one.

Knows how people and hubs write names; does not open anything, and a word that it does not know means nothing to it.
A name is a claim, not a fact: where the header is at hand, it decides (``inspect``).
Sources: ``general.file_type`` names and ``docs/gguf.md`` (naming convention) of ggml and llama.cpp; for the formats of
other engines the usual suffixes of their quantizers (AutoAWQ, GPTQModel, llm-compressor, ExLlama, MLX, bitsandbytes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from homeroom.models.quantization import FILE_TYPES

Format = Literal[
    "gguf",
    "ggml",
    "safetensors",
    "pytorch",
    "onnx",
    "awq",
    "gptq",
    "fp8",
    "compressed-tensors",
    "bitsandbytes",
    "exl2",
    "exl3",
    "mlx",
    "auto-round",
    "hqq",
    "aqlm",
]


@dataclass(frozen=True, slots=True)
class Label:
    """What one name says. None, or empty: it does not say."""

    format: Format | None = None
    quantization: str | None = None
    """Its usual name: ``Q4_K_M``, ``UD-Q4_K_XL``, ``MXFP4_MOE``, ``F16``, ``AWQ``, ``GPTQ-Int4``, ``W4A16``, ``BNB-4bit``."""
    bits: float | None = None
    """Bits per weight where the name gives them as a number: ``4bit``, ``Int8``, ``4.65bpw``."""
    parameters: int | None = None
    """All of them; rounded as names are."""
    active: int | None = None
    """Those that take part in one token: ``A3B`` of ``30B-A3B``."""
    effective: int | None = None
    """``E4B``: what Gemma's makers count as being in memory at once."""
    experts: int | None = None
    """``8`` of ``8x7B``, ``16`` of ``17B-16E``."""
    roles: tuple[str, ...] = ()
    """In the order of ``ROLES``: ``instruct``, ``distill``, ``coder``, ``vision``, ``embedding``..."""
    shard: tuple[int, int] | None = None
    """Number, counted from 1, and how many there are."""
    dynamic: bool = False
    """An ``UD-`` build: the types of its tensors are chosen one by one."""
    imatrix: bool = False
    """Made with an importance matrix, by its name (``i1-Q4_K_M``, ``imat``)."""

    @property
    def runs_here(self) -> bool | None:
        """Whether the embedded engine loads a file of this kind; None where the name does not tell."""
        if self.format is None:
            return None
        if self.format != "gguf" or "projector" in self.roles or "imatrix" in self.roles:
            return False
        if self.quantization is None:
            return True
        plain = self.quantization.removeprefix("UD-")
        if plain in _OBSOLETE or _FORK.fullmatch(plain):
            return False
        return True if plain in _LOADABLE or _VARIANT.sub("", plain) in _LOADABLE else None


_LOADABLE: Final = frozenset(FILE_TYPES.values()) | {"Q3_K", "Q4_K", "Q5_K", "Q8_K_XL", "MXFP4_MOE"}
_VARIANT: Final = re.compile(r"_(?:XS|XL|L)$")
"""Not types of their own: Q4_K_L is Q4_K_M with a larger head, Q4_K_XL a mix of the maker's."""
_OBSOLETE: Final = frozenset({"Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8", "Q4_2", "Q4_3"})
"""llama.cpp removed these in 2024: the engine repacks a plain Q4_0 by itself."""
_FORK: Final = re.compile(r"IQ\d_(?:K|KS|KSS|KL|KT)(?:_R\d)?|I?Q\d_\w+_R[48]|Q\d_KV(?:_R8)?")
"""Types of the fork ik_llama.cpp, which llama.cpp does not know."""

ROLES: Final[Mapping[str, str]] = {
    "base": r"base|pretrain(?:ed)?",
    "instruct": r"instruct|inst|it|sft",
    "chat": r"chat",
    "distill": r"distill(?:ed|ation)?",
    "thinking": r"thinking|reasoning|think",
    "coder": r"coder?|codestral|starcoder2?|codellama|codegemma|devstral",
    "math": r"math(?:stral)?",
    "vision": r"vl|vision|llava|pixtral|qvq",
    "audio": r"audio|asr|voxtral",
    "omni": r"omni",
    "embedding": r"embed(?:ding|dings)?|embeddinggemma",
    "reranker": r"rerank(?:er)?",
    "guard": r"guard|shieldgemma",
    "draft": r"draft|dflash|eagle3?",
    "qat": r"qat",
    "abliterated": r"abliterated|uncensored|heretic",
    "projector": r"mmproj",
    "imatrix": r"imatrix",
}
"""Role: the words, each alone between signs, that say it."""

_START, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"{_START}(?:{pattern}){_END}", re.IGNORECASE)


_ROLE_WORDS: Final = {role: _words(pattern) for role, pattern in ROLES.items()}
_SHARD: Final = re.compile(r"-(\d{5})-of-(\d{5})$")
_PART: Final = re.compile(r"\.(?:part|split-)(\d{1,3})of(\d{1,3})$", re.IGNORECASE)
_EXTENSION: Final = re.compile(r"\.(gguf|safetensors|ggml|ggmlv3|onnx|pth|pt|bin)$", re.IGNORECASE)
_EXTENSIONS: Final[Mapping[str, Format]] = {
    "gguf": "gguf",
    "safetensors": "safetensors",
    "ggml": "ggml",
    "ggmlv3": "ggml",
    "onnx": "onnx",
    "pt": "pytorch",
    "pth": "pytorch",
}

_GGUF_TYPE: Final = _words(
    r"(?P<dynamic>UD[-_])?(?P<type>"
    r"IQ\d_(?:XXS|XS|NL(?:_XL)?|KSS|KS|KL|KT|K|S|M)(?:_R\d)?"
    r"|Q\d_K(?:V|_(?:XXS|XS|XL|S|M|L|P))?(?:_R\d)?"
    r"|Q\d_[0-3](?:_[48]_[48]|_XL|_L|_R[48])?"
    r"|TQ[12]_0|MXFP4(?:[-_]MOE)?|NVFP4|BF16|FP?16|FP?32)"
)
_ONLY_GGUF: Final = re.compile(r"I?Q\d_|TQ\d_")
"""Type names that no other format has."""

_ELSEWHERE: Final[tuple[tuple[Format, re.Pattern[str]], ...]] = (
    ("exl3", _words(r"exl3")),
    ("exl2", _words(r"exl2")),
    ("awq", _words(r"awq")),
    ("gptq", _words(r"gptq(?:model)?|marlin")),
    ("bitsandbytes", _words(r"bnb|bitsandbytes|nf4")),
    ("mlx", _words(r"mlx|mlx-community|dwq")),
    ("auto-round", _words(r"auto-?round")),
    ("hqq", _words(r"hqq")),
    ("aqlm", _words(r"aqlm")),
    ("onnx", _words(r"onnx")),
    ("compressed-tensors", _words(r"w\d{1,2}a\d{1,2}(?:kv\d)?|quantized\.w\d{1,2}a\d{1,2}")),
    ("fp8", _words(r"fp8(?:[-_](?:dynamic|static|block|e4m3|e5m2))?")),
    ("ggml", _words(r"ggml(?:v3)?")),
)
_WEIGHTS_AND_ACTIVATIONS: Final = _words(r"(w\d{1,2}a\d{1,2})(?:kv\d)?")
_BITS: Final = _words(r"(?:int|q)?(?P<bits>\d{1,2}(?:\.\d{1,2})?)[-_ ]?(?:bits?|bpw)|int(?P<int>[2348])")

_SIZE: Final = re.compile(r"(?<![A-Za-z0-9.])(\d{1,4}(?:\.\d{1,3})?)([BMT])(?![A-Za-z0-9])", re.IGNORECASE)
_ACTIVE: Final = re.compile(rf"{_START}A(\d{{1,3}}(?:\.\d{{1,2}})?)B{_END}", re.IGNORECASE)
_EFFECTIVE: Final = re.compile(rf"{_START}E(\d{{1,2}}(?:\.\d)?)B{_END}", re.IGNORECASE)
_EXPERTS: Final = re.compile(rf"{_START}(\d{{1,3}})x(\d{{1,3}}(?:\.\d{{1,2}})?)([BM]){_END}", re.IGNORECASE)
_ACTIVE_EXPERTS: Final = re.compile(rf"{_START}(\d{{1,3}}(?:\.\d)?)B-(\d{{1,3}})E{_END}", re.IGNORECASE)
_UNIT: Final = {"M": 10**6, "B": 10**9, "T": 10**12}
_LEAST_MILLIONS: Final = 2
"""``-1M`` at the end of a name is a context of a million tokens more often than a model of so many parameters."""
_LONGEST: Final = 400


def read(name: str) -> Label:
    """What *name* says: a file's or repository's, with or without folders, or a tag (``deepseek-r1:7b-q8_0``).

    Where it has folders, only its last part is looked at (for the maker ``mlx-community`` the whole).
    """
    name = name.strip()[-_LONGEST:]
    last = re.split(r"[/\\]", name)[-1]
    stem, shard = _without_part(last)
    extension = _EXTENSION.search(stem)
    stem = stem[: extension.start()] if extension else stem
    numbered = _SHARD.search(stem)
    if numbered:
        stem, shard = stem[: numbered.start()], _parts(numbered)
    roles = tuple(role for role, words in _ROLE_WORDS.items() if words.search(stem))
    found = _last(_GGUF_TYPE, stem)
    kind = _format(name, stem, extension[1].lower() if extension else "", found)
    parameters, active, effective, experts = _sizes(stem)
    return Label(
        format=kind,
        quantization=_quantization(stem, kind, found),
        bits=_bits(stem, kind),
        parameters=parameters,
        active=active,
        effective=effective,
        experts=experts,
        roles=roles,
        shard=shard,
        dynamic=bool(found and found["dynamic"]),
        imatrix=bool(re.search(rf"{_START}(?:i1|imat|imatrix){_END}", stem, re.IGNORECASE)),
    )


def _parts(match: re.Match[str]) -> tuple[int, int] | None:
    number, count = int(match[1]), int(match[2])
    return (number, count) if 0 < number <= count else None


def _without_part(name: str) -> tuple[str, tuple[int, int] | None]:
    """A file that was cut into pieces that are to be joined again: ``x.gguf.part1of2``."""
    match = _PART.search(name)
    return (name[: match.start()], _parts(match)) if match else (name, None)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for found in pattern.finditer(text):  # noqa: B007
        pass
    return found


def _format(name: str, stem: str, extension: str, found: re.Match[str] | None) -> Format | None:
    if extension == "gguf" or re.search(rf"{_START}gguf{_END}", stem, re.IGNORECASE):
        return "gguf"
    for kind, words in _ELSEWHERE:
        if words.search(stem) or (kind == "mlx" and name.lower().startswith("mlx-community/")):
            return kind
    if extension in _EXTENSIONS:
        return _EXTENSIONS[extension]
    if extension == "bin" and stem.lower().startswith(("pytorch_model", "consolidated")):
        return "pytorch"
    return "gguf" if found and _ONLY_GGUF.match(found["type"].upper()) else None


def _quantization(stem: str, kind: Format | None, found: re.Match[str] | None) -> str | None:
    if kind == "gguf" or kind == "ggml" or (kind is None and found):
        return None if found is None else ("UD-" if found["dynamic"] else "") + _usual(found["type"])
    bits = _bits(stem, kind)
    whole = f"{bits:g}" if bits is not None else ""
    match kind:
        case "awq":
            return "AWQ"
        case "gptq":
            return f"GPTQ-Int{whole}" if whole else "GPTQ"
        case "fp8":
            return "FP8"
        case "bitsandbytes":
            return f"BNB-{whole}bit" if whole else "BNB"
        case "exl2" | "exl3":
            return kind.upper()
        case "mlx":
            return f"MLX-{whole}bit" if whole else _usual(found["type"]) if found else None
        case "compressed-tensors":
            exact = _WEIGHTS_AND_ACTIVATIONS.search(stem)
            return exact[1].upper() if exact else None
        case "auto-round" | "hqq" | "aqlm":
            return f"Int{whole}" if whole else None
    return _usual(found["type"]) if found else f"Int{whole}" if whole else None


def _usual(kind: str) -> str:
    """``fp16`` is ``F16``, ``q4_k_m`` is ``Q4_K_M``."""
    kind = kind.upper().replace("-", "_")
    return kind.replace("FP", "F", 1) if kind.startswith(("FP16", "FP32")) else kind


def _bits(stem: str, kind: Format | None) -> float | None:
    if kind == "gguf":
        return None
    found = _BITS.search(stem)
    if found is None:
        return None
    bits = float(found["bits"] or found["int"])
    return bits if 0 < bits <= 32 else None


def _sizes(stem: str) -> tuple[int | None, int | None, int | None, int | None]:
    """Parameters in all, active, effective; experts. Two different sizes in one name say nothing."""
    active = _count(_ACTIVE.search(stem))
    effective = _count(_EFFECTIVE.search(stem))
    if many := _EXPERTS.search(stem):  # 8x7B is 46.7 B: the experts share their attention
        return None, active, effective, int(many[1])
    if scout := _ACTIVE_EXPERTS.search(stem):
        return None, _count(scout), effective, int(scout[2])
    found = {(match[2].upper(), _number(match[1], match[2])) for match in _SIZE.finditer(stem)}
    for unit in ("B", "M", "T"):
        sizes = {size for of, size in found if of == unit and size}
        if sizes:
            size = sizes.pop()
            told = not sizes and (unit != "M" or size >= _LEAST_MILLIONS * _UNIT["M"])
            return (size if told else None), active, effective, None
    return None, active, effective, None


def _count(match: re.Match[str] | None) -> int | None:
    return _number(match[1], "B") if match else None


def _number(digits: str, unit: str) -> int | None:
    return round(float(digits) * _UNIT[unit.upper()]) or None
