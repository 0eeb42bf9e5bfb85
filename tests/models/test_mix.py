"""The tensor mix of each quantization, against llama.cpp's own quantizer and against published file sizes.

``mix_oracle.json`` was recorded from the C function ``llama_model_quantize`` with ``dry_run`` over sparse files with
the headers of ``SHAPES``; its "made" field names the version. To record it again, write each shape with
``write_gguf``, and store the types that the log tells as ``digest`` does here.
"""

from __future__ import annotations

import json
import math
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from homeroom.errors import BadModelFile, NotSupported, UsageError
from homeroom.models import mix
from homeroom.models.gguf import Value, read_header
from homeroom.models.quantization import TENSOR_TYPES


class Line(NamedTuple):
    name: str
    shape: tuple[int, ...]


class Shape(NamedTuple):
    architecture: str
    metadata: Mapping[str, Value]
    tensors: tuple[Line, ...]


def _model(architecture: str, layers: int, width: int, top: str, block: Callable[[int], str], **keys: Value) -> Shape:
    """A model of *layers* blocks. Tensors are told as ``name row x columns; ...``, of blocks without their prefix."""
    lines = _lines(top) + [
        Line(f"blk.{layer}.{name}", shape) for layer in range(layers) for name, shape in _lines(block(layer))
    ]
    common: dict[str, Value] = {
        "context_length": 4096,
        "embedding_length": width,
        "block_count": layers,
        "attention.layer_norm_rms_epsilon": 1e-6,
        "attention.layer_norm_epsilon": 1e-6,
    }
    metadata = {f"{architecture}.{key.replace('__', '.')}": value for key, value in (common | keys).items()}
    return Shape(architecture, {"general.architecture": architecture, **metadata}, tuple(lines))


def _lines(text: str) -> list[Line]:
    lines = []
    for part in text.split(";"):
        if part.strip():
            name, shape = part.split(maxsplit=1)
            lines.append(Line(name, tuple(int(size) for size in shape.split("x"))))
    return lines


def _top(width: int, vocabulary: int, tied: bool = False) -> str:
    head = "" if tied else f"output.weight {width}x{vocabulary};"
    return f"token_embd.weight {width}x{vocabulary}; output_norm.weight {width}; {head}"


def dense(
    architecture: str,
    layers: int,
    width: int,
    heads: int,
    kv_heads: int,
    feed_forward: int,
    vocabulary: int,
    *,
    tied: bool = False,
    head: int = 0,
    extra: str = "",
    more: Mapping[str, Value] | None = None,
) -> Shape:
    q, kv = heads * (head or width // heads), kv_heads * (head or width // heads)
    block = f"""
        attn_norm.weight {width}; attn_q.weight {width}x{q}; attn_k.weight {width}x{kv}; attn_v.weight {width}x{kv};
        attn_output.weight {q}x{width}; ffn_norm.weight {width}; ffn_gate.weight {width}x{feed_forward};
        ffn_up.weight {width}x{feed_forward}; ffn_down.weight {feed_forward}x{width}; {extra}"""
    if architecture == "qwen2":
        block += f"attn_q.bias {q}; attn_k.bias {kv}; attn_v.bias {kv}"
    keys = {"attention__head_count": heads, "attention__head_count_kv": kv_heads, "feed_forward_length": feed_forward}
    return _model(architecture, layers, width, _top(width, vocabulary, tied), lambda _: block, **keys, **(more or {}))


def experts(
    architecture: str,
    layers: int,
    width: int,
    heads: int,
    kv_heads: int,
    feed_forward: int,
    count: int,
    vocabulary: int,
    *,
    head: int = 128,
    **keys: Value,
) -> Shape:
    q, kv = heads * head, kv_heads * head
    block = f"""
        attn_norm.weight {width}; attn_q.weight {width}x{q}; attn_k.weight {width}x{kv}; attn_v.weight {width}x{kv};
        attn_output.weight {q}x{width}; ffn_norm.weight {width}; ffn_gate_inp.weight {width}x{count};
        ffn_gate_exps.weight {width}x{feed_forward}x{count}; ffn_up_exps.weight {width}x{feed_forward}x{count};
        ffn_down_exps.weight {feed_forward}x{width}x{count}"""
    return _model(
        architecture, layers, width, _top(width, vocabulary), lambda _: block,
        attention__head_count=heads, attention__head_count_kv=kv_heads, feed_forward_length=feed_forward,
        expert_count=count, expert_used_count=2, expert_feed_forward_length=feed_forward, **keys,
    )  # fmt: skip


def deepseek(layers: int = 61, leading: int = 3, count: int = 256, *, split: bool = True) -> Shape:
    """DeepSeek V3 and R1; *split*: with the K and V halves of newer files, and one KV head."""
    width, heads, vocabulary = 7168, 128, 129280

    def block(layer: int) -> str:
        both = f"""
            attn_norm.weight {width}; attn_q_a.weight {width}x1536; attn_q_a_norm.weight 1536;
            attn_q_b.weight 1536x24576; attn_kv_a_mqa.weight {width}x576; attn_kv_a_norm.weight 512;
            attn_output.weight 16384x{width}; ffn_norm.weight {width};"""
        both += "attn_k_b.weight 128x512x128; attn_v_b.weight 512x128x128;" if split else "attn_kv_b.weight 512x32768;"
        if layer < leading:
            return both + f"ffn_gate.weight {width}x18432; ffn_up.weight {width}x18432; ffn_down.weight 18432x{width}"
        return (
            both
            + f"""
            ffn_gate_inp.weight {width}x{count}; exp_probs_b.bias {count}; ffn_gate_exps.weight {width}x2048x{count};
            ffn_up_exps.weight {width}x2048x{count}; ffn_down_exps.weight 2048x{width}x{count};
            ffn_gate_shexp.weight {width}x2048; ffn_up_shexp.weight {width}x2048; ffn_down_shexp.weight 2048x{width}"""
        )

    return _model(
        "deepseek2", layers, width, _top(width, vocabulary), block,
        attention__head_count=heads, attention__head_count_kv=1 if split else heads, feed_forward_length=18432,
        leading_dense_block_count=leading, expert_count=count, expert_used_count=8, expert_shared_count=1,
        expert_feed_forward_length=2048, expert_weights_scale=2.5, expert_weights_norm=True, expert_gating_func=2,
        attention__q_lora_rank=1536, attention__kv_lora_rank=512, rope__dimension_count=64,
        attention__key_length=576 if split else 192, attention__value_length=512 if split else 128,
        attention__key_length_mla=192, attention__value_length_mla=128,
    )  # fmt: skip


def fused(architecture: str, layers: int, width: int, heads: int, kv_heads: int, ff: int, vocabulary: int) -> Shape:
    """Q, K and V in one matrix."""
    qkv = (heads + 2 * kv_heads) * (width // heads)
    up = 2 * ff if architecture == "phi3" else ff
    block = f"""
        attn_norm.weight {width}; attn_norm.bias {width}; attn_qkv.weight {width}x{qkv}; ffn_down.weight {ff}x{width};
        attn_output.weight {width}x{width}; ffn_norm.weight {width}; ffn_up.weight {width}x{up}"""
    top = _top(width, vocabulary, tied=architecture == "gpt2")
    top += f"position_embd.weight {width}x1024" if architecture == "gpt2" else ""
    return _model(
        architecture, layers, width, top, lambda _: block, attention__head_count=heads,
        attention__head_count_kv=kv_heads, feed_forward_length=ff, rope__dimension_count=width // heads,
        rope__scaling__original_context_length=4096,
    )  # fmt: skip


def hybrid() -> Shape:
    """LFM2 1.2B: short convolutions with an attention layer now and then."""
    attention = (2, 5, 8, 10, 12, 14)

    def block(layer: int) -> str:
        text = """attn_norm.weight 2048; ffn_norm.weight 2048; ffn_gate.weight 2048x8192; ffn_up.weight 2048x8192;
            ffn_down.weight 8192x2048;"""
        if layer in attention:
            return (
                text
                + """attn_q.weight 2048x2048; attn_k.weight 2048x512; attn_v.weight 2048x512;
                attn_output.weight 2048x2048; attn_q_norm.weight 64; attn_k_norm.weight 64"""
            )
        return (
            text
            + "shortconv.conv.weight 3x2048; shortconv.in_proj.weight 2048x6144; shortconv.out_proj.weight 2048x2048"
        )

    heads = tuple(8 if layer in attention else 0 for layer in range(16))
    return _model(
        "lfm2", 16, 2048, "token_embd.weight 2048x65536; token_embd_norm.weight 2048", block,
        attention__head_count=32, attention__head_count_kv=heads, feed_forward_length=8192, shortconv__l_cache=3,
        vocab_size=65536,
    )  # fmt: skip


def mamba() -> Shape:
    """Mamba 2.8B: no attention, no feed-forward."""
    block = """attn_norm.weight 2560; ssm_in.weight 2560x10240; ssm_conv1d.weight 4x5120; ssm_conv1d.bias 5120;
        ssm_x.weight 5120x192; ssm_dt.weight 160x5120; ssm_dt.bias 5120; ssm_a 16x5120; ssm_d 5120;
        ssm_out.weight 5120x2560"""
    return _model(
        "mamba", 64, 2560, _top(2560, 50280, tied=True), lambda _: block, attention__head_count=0,
        feed_forward_length=0, ssm__conv_kernel=4, ssm__inner_size=5120, ssm__state_size=16, ssm__time_step_rank=160,
    )  # fmt: skip


QWEN, LLAMA3 = 152064, 128256
SHAPES: Final[Mapping[str, Shape]] = {
    "r1-1.5b": dense("qwen2", 28, 1536, 12, 2, 8960, 151936),
    "r1-7b": dense("qwen2", 28, 3584, 28, 4, 18944, QWEN),
    "r1-8b": dense("llama", 32, 4096, 32, 8, 14336, LLAMA3),
    "r1-14b": dense("qwen2", 48, 5120, 40, 8, 13824, QWEN),
    "r1-32b": dense("qwen2", 64, 5120, 40, 8, 27648, QWEN),
    "r1-70b": dense("llama", 80, 8192, 64, 8, 28672, LLAMA3),
    "r1-671b": deepseek(),
    "r1-671b-old": deepseek(split=False),
    "llama-65b": dense("llama", 80, 8192, 64, 64, 22016, 32000),
    "llama-7b": dense("llama", 32, 4096, 32, 32, 11008, 32000),
    "qwen2-72b": dense("qwen2", 80, 8192, 64, 8, 29568, QWEN),
    "qwen2-0.5b": dense("qwen2", 24, 896, 14, 2, 4864, 151936, tied=True),
    "qwen3-0.6b": dense("qwen3", 28, 1024, 16, 8, 3072, 151936, tied=True, head=128, extra="attn_q_norm.weight 128;"),
    "gemma3-270m": dense("gemma3", 18, 640, 4, 1, 2048, 262144, tied=True, head=256),
    "smollm2-135m": dense("llama", 30, 576, 9, 3, 1536, 49152, tied=True),
    "odd-rows": dense("llama", 5, 1000, 10, 5, 2730, 999),
    "mixtral-8x7b": experts("llama", 32, 4096, 32, 8, 14336, 8, 32000),
    "qwen3-30b-a3b": experts("qwen3moe", 48, 2048, 32, 4, 768, 128, 151936),
    "gpt-oss-20b": experts("gpt-oss", 24, 2880, 64, 8, 2880, 32, 201088, head=64, attention__sliding_window=128),
    "falcon-40b": fused("falcon", 60, 8192, 128, 8, 32768, 65024),
    "phi3-mini": fused("phi3", 32, 3072, 32, 32, 8192, 32064),
    "gpt2": fused("gpt2", 12, 768, 12, 12, 3072, 50257),
    "lfm2-1.2b": hybrid(),
    "mamba-2.8b": mamba(),
}

ORACLE: Final = json.loads(Path(__file__).with_name("mix_oracle.json").read_text(encoding="utf-8"))["shapes"]


def digest(tensors: Sequence[Line], types: Sequence[int]) -> str:
    """Bytes, a checksum over each tensor's type in order, and the count by type."""
    counts = Counter(TENSOR_TYPES[number].name for number in types)
    listed = " ".join(f"{name}:{count}" for name, count in sorted(counts.items()))
    return f"{mix.tensor_bytes(tensors, types)} {zlib.crc32(bytes(types)):08x} {listed}"


def types_of(shape: Shape, quantization: str, *, imatrix: bool | None = None, source: str = "F16") -> tuple[int, ...]:
    return mix.tensor_types(
        shape.architecture, shape.metadata, shape.tensors, quantization, imatrix=imatrix, source=source
    )


def names_of(shape: Shape, quantization: str, *, imatrix: bool | None = None) -> dict[str, str]:
    types = types_of(shape, quantization, imatrix=imatrix)
    return {tensor.name: TENSOR_TYPES[number].name for tensor, number in zip(shape.tensors, types, strict=True)}


@pytest.mark.parametrize("name", SHAPES)
def test_every_type_is_the_one_that_llama_quantize_gives(name: str) -> None:
    shape, told = SHAPES[name], ORACLE[name]
    for quantization in mix.QUANTIZATIONS:
        if quantization in ("F32", "F16", "BF16"):
            continue
        for imatrix in (False, True):
            wanted = told.get(f"{quantization}+imatrix", told[quantization]) if imatrix else told[quantization]
            try:
                found = digest(shape.tensors, types_of(shape, quantization, imatrix=imatrix))
            except NotSupported:
                found = "refused"
            assert found == wanted, f"{quantization}, imatrix {imatrix}"


def test_oracle_covers_every_shape_and_quantization() -> None:
    assert set(ORACLE) == set(SHAPES)
    quantized = set(mix.QUANTIZATIONS) - {"F32", "F16", "BF16"}
    assert all({key.removesuffix("+imatrix") for key in told} == quantized for told in ORACLE.values())


PUBLISHED: Final = [
    # Exact bytes, as the pointer files of the hub's repositories bartowski/... and lmstudio-community/... tell them.
    ("r1-1.5b", "Q6_K", 1464178496),
    ("r1-1.5b", "Q5_K_M", 1285494368),
    ("r1-1.5b", "Q4_1", 1162700384),
    ("r1-1.5b", "Q4_K_M", 1117320512),
    ("r1-1.5b", "Q4_K_S", 1071584864),
    ("r1-1.5b", "Q3_K_S", 861221984),
    ("r1-7b", "Q4_K_M", 4683073216),
    ("r1-7b", "Q3_K_L", 4088458944),
    ("r1-7b", "Q3_K_S", 3492368352),
    ("r1-14b", "Q5_K_S", 10266553760),
    ("r1-14b", "Q3_K_M", 7339204000),
    ("r1-14b", "IQ4_XS", 8119840160),
    ("r1-14b", "IQ3_XS", 6383361440),
    ("r1-32b", "IQ2_XXS", 9028249760),
    ("r1-8b", "IQ4_NL", 4677991264),
    ("r1-8b", "IQ3_XS", 3518749536),
    ("r1-70b", "IQ4_XS", 37902663840),
    ("r1-70b", "IQ2_XS", 21142110368),
    ("r1-70b", "IQ2_XXS", 19097387168),
    ("r1-70b", "IQ1_M", 16751198368),
]
HEADERS: Final = {  # The vocabulary, which grows with nothing; and the tensor table, about 65 bytes a tensor.
    "qwen2": 5_925_000,
    "llama": 7_818_000,
}


@pytest.mark.parametrize(("name", "quantization", "size"), PUBLISHED)
def test_published_file_is_the_tensors_and_the_header(name: str, quantization: str, size: int) -> None:
    shape = SHAPES[name]
    header = HEADERS[shape.architecture] + 65 * len(shape.tensors)
    tensors = mix.tensor_bytes(shape.tensors, types_of(shape, quantization))
    assert abs(tensors + header - size) < 20_000


@pytest.mark.parametrize(
    ("name", "quantization", "gigabytes", "digit"),
    [
        ("r1-1.5b", "Q4_K_M", 1.12, 0.01),
        ("r1-7b", "Q4_K_M", 4.68, 0.01),
        ("r1-7b", "Q3_K_M", 3.81, 0.01),
        ("r1-7b", "Q4_0", 4.44, 0.01),
        ("r1-7b", "Q6_K", 6.25, 0.01),
        ("r1-7b", "Q8_0", 8.10, 0.01),
        ("r1-8b", "Q4_K_M", 4.92, 0.01),
        ("r1-14b", "Q4_K_M", 8.99, 0.01),
        ("r1-32b", "Q4_K_M", 19.85, 0.01),
        ("r1-32b", "Q8_0", 34.8, 0.1),
        ("r1-70b", "Q4_K_M", 42.5, 0.1),
        ("r1-671b", "Q4_K_M", 404, 1),
        # The hub's file lists of mradermacher/DeepSeek-R1-Distill-...-i1-GGUF, made with an importance matrix.
        ("r1-7b", "IQ4_NL", 4.44, 0.01),
        ("r1-7b", "IQ4_XS", 4.22, 0.01),
        ("r1-7b", "IQ3_M", 3.57, 0.01),
        ("r1-7b", "IQ3_XXS", 3.11, 0.01),
        ("r1-7b", "Q2_K", 3.02, 0.01),
        ("r1-7b", "Q2_K_S", 2.83, 0.01),
        ("r1-7b", "IQ2_M", 2.78, 0.01),
        ("r1-7b", "IQ2_XXS", 2.27, 0.01),
        ("r1-7b", "IQ1_M", 2.04, 0.01),
        ("r1-32b", "IQ4_XS", 17.7, 0.1),
        ("r1-32b", "IQ3_M", 14.8, 0.1),
        ("r1-32b", "IQ3_XXS", 12.8, 0.1),
        ("r1-32b", "IQ2_M", 11.3, 0.1),
        ("r1-32b", "IQ2_S", 10.4, 0.1),
        ("r1-32b", "IQ1_S", 7.27, 0.01),
        ("r1-70b", "Q3_K_M", 34.3, 0.1),
        ("r1-70b", "IQ3_XXS", 27.5, 0.1),
        ("r1-70b", "Q2_K", 26.4, 0.1),
        ("r1-70b", "IQ1_S", 15.3, 0.1),
    ],
)
def test_published_size_within_half_a_percent(name: str, quantization: str, gigabytes: float, digit: float) -> None:
    """*digit* is the last place of the published number: half of it may be rounding."""
    shape = SHAPES[name]
    header = HEADERS.get(shape.architecture, 0)
    size = mix.tensor_bytes(shape.tensors, types_of(shape, quantization)) + header
    assert abs(size / 1e9 - gigabytes) <= gigabytes * 0.005 + digit / 2
    if digit / gigabytes < 0.005:
        assert abs(size / 1e9 - gigabytes) <= gigabytes * 0.005


@pytest.mark.parametrize(("fixture", "quantization"), [("starter_path", "Q4_1"), ("gemma_path", "Q4_K_M")])
def test_real_file_has_the_predicted_types(fixture: str, quantization: str, request: pytest.FixtureRequest) -> None:
    header = read_header(request.getfixturevalue(fixture))
    architecture = header.metadata["general.architecture"]
    assert isinstance(architecture, str)
    predicted = mix.tensor_types(architecture, header.metadata, header.tensors, quantization)
    assert predicted == tuple(tensor.type for tensor in header.tensors)
    assert mix.tensor_bytes(header.tensors, predicted) <= header.file_bytes - header.data_offset
    assert header.file_bytes - header.data_offset - mix.tensor_bytes(header.tensors, predicted) < 32


def test_use_more_bits_of_q4_k_m() -> None:
    """The first and last eighth of the value and down matrices are Q6_K, and each third one between."""
    types = names_of(SHAPES["r1-8b"], "Q4_K_M")
    better = [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]
    assert [layer for layer in range(32) if types[f"blk.{layer}.attn_v.weight"] == "Q6_K"] == better
    assert [layer for layer in range(32) if types[f"blk.{layer}.ffn_down.weight"] == "Q6_K"] == better
    assert types["output.weight"] == "Q6_K"
    assert types["token_embd.weight"] == types["blk.0.attn_q.weight"] == "Q4_K"
    assert types["blk.0.attn_norm.weight"] == "F32"


def test_tied_embedding_gets_the_type_of_the_output() -> None:
    assert names_of(SHAPES["qwen3-0.6b"], "Q4_K_M")["token_embd.weight"] == "Q6_K"
    assert names_of(SHAPES["r1-1.5b"], "Q4_K_M")["token_embd.weight"] == "Q4_K"


def test_rows_that_are_no_whole_blocks_fall_back() -> None:
    types = names_of(SHAPES["qwen2-0.5b"], "Q4_K_M")
    assert types["blk.5.attn_q.weight"] == "Q5_0"
    assert types["token_embd.weight"] == "Q8_0"
    assert names_of(SHAPES["odd-rows"], "Q4_0")["blk.0.attn_q.weight"] == "F16"


def test_eight_experts_keep_attention_at_eight_bits() -> None:
    types = names_of(SHAPES["mixtral-8x7b"], "Q4_K_M")
    assert types["blk.9.attn_k.weight"] == types["blk.9.attn_v.weight"] == "Q8_0"
    assert types["blk.9.attn_output.weight"] == "Q5_K"
    assert types["blk.9.ffn_gate_inp.weight"] == "F32"


def test_value_matrices_of_a_70b_get_more_bits() -> None:
    assert names_of(SHAPES["r1-70b"], "Q3_K_S")["blk.40.attn_v.weight"] == "Q5_K"
    assert names_of(SHAPES["llama-65b"], "Q3_K_S")["blk.40.attn_v.weight"] == "Q3_K"


def test_iq_types_are_taken_to_be_made_with_an_importance_matrix() -> None:
    shape = SHAPES["r1-8b"]
    assert types_of(shape, "IQ4_XS") == types_of(shape, "IQ4_XS", imatrix=True)
    assert types_of(shape, "IQ4_XS") != types_of(shape, "IQ4_XS", imatrix=False)
    assert types_of(shape, "Q4_0") == types_of(shape, "Q4_0", imatrix=False)
    assert types_of(shape, "Q4_0") != types_of(shape, "Q4_0", imatrix=True)


def test_order_of_the_tensors_does_not_matter() -> None:
    shape = SHAPES["r1-8b"]
    turned = shape._replace(tensors=shape.tensors[::-1])
    assert types_of(turned, "Q3_K_M") == types_of(shape, "Q3_K_M")[::-1]


@pytest.mark.parametrize("source", ["F32", "F16", "BF16"])
def test_plain_conversion_keeps_small_tensors_in_f32(source: str) -> None:
    types = names_of(SHAPES["mamba-2.8b"], source)
    assert {name for name, kind in types.items() if kind == "F32" and name.startswith("blk.7.")} >= {
        f"blk.7.{name}" for name in ("attn_norm.weight", "ssm_a", "ssm_d", "ssm_conv1d.weight", "ssm_dt.bias")
    }
    assert types["blk.7.ssm_in.weight"] == types["token_embd.weight"] == source


def test_what_is_not_quantized_stays_in_the_precision_of_the_source() -> None:
    row = Line("blk.0.laurel_l.weight", (2048, 64))
    for source, number in (("F32", 0), ("F16", 1), ("BF16", 30)):
        metadata: dict[str, Value] = {"gemma3n.block_count": 1}
        assert mix.tensor_types("gemma3n", metadata, [row], "Q4_K_M", source=source) == (number,)


def test_names_may_be_of_any_case_and_aliases() -> None:
    shape = SHAPES["mixtral-8x7b"]
    assert types_of(shape, "q4_k") == types_of(shape, "Q4_K_M")
    assert types_of(shape, "MXFP4_MOE") == types_of(shape, "MXFP4")


@pytest.mark.parametrize("name", ["Q4", "UD-Q4_K_XL", "NVFP4", ""])
def test_unknown_quantization_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        types_of(SHAPES["r1-8b"], name)
    assert "Q4_K_M" in caught.value.message
    assert f"'{name}'" in caught.value.message


def test_unknown_source_is_refused() -> None:
    with pytest.raises(UsageError, match="Q8_0"):
        types_of(SHAPES["r1-8b"], "Q4_K_M", source="Q8_0")


def test_no_layer_count_is_an_error_and_no_guess() -> None:
    shape = SHAPES["r1-8b"]
    with pytest.raises(BadModelFile, match="layer count"):
        mix.tensor_types("llama", {}, shape.tensors, "Q4_K_M")


def test_experts_without_a_layer_are_refused_as_by_the_quantizer() -> None:
    shape = SHAPES["mixtral-8x7b"]
    with pytest.raises(NotSupported, match=r"blk\.32"):
        types_of(shape._replace(tensors=(*shape.tensors, Line("blk.32.ffn_up.weight", (4096, 4096)))), "Q4_K_M")


@pytest.mark.parametrize("name", ["r1-1.5b", "r1-7b", "r1-8b", "r1-14b", "r1-32b", "r1-70b", "r1-671b", "mixtral-8x7b"])
def test_grid_is_in_order_of_size(name: str) -> None:
    shape = SHAPES[name]
    sizes = [mix.tensor_bytes(shape.tensors, types_of(shape, quantization)) for quantization in mix.GRID]
    assert sizes == sorted(sizes, reverse=True)
    assert len(mix.GRID) == 12


def test_bits_per_weight() -> None:
    shape = SHAPES["r1-8b"]
    parameters = sum(math.prod(tensor.shape) for tensor in shape.tensors)
    size = mix.tensor_bytes(shape.tensors, types_of(shape, "Q4_K_M"))
    assert round(mix.bits_per_weight(size, parameters), 4) == 4.8944  # llama.cpp, tools/quantize/README.md


def test_a_large_model_takes_milliseconds() -> None:
    shape = SHAPES["r1-671b"]
    types_of(shape, "Q4_K_M")
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        types_of(shape, "Q4_K_M")
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.02  # 2 ms where nobody disturbs
