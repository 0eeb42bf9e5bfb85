"""What engines were seen to do on devices that were not measured here: rates of a known processor, and what each kind of
graphics processor reaches of its memory bandwidth and arithmetic.

Data with sources. Does not know any model (``speed`` and ``rates`` apply it). Times in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from homeroom.fit.calibration import AttentionRate, Calibration, Curve, TypeRate


@dataclass(frozen=True, slots=True)
class Reach:
    """What the engine was seen to do on a kind of device: slowest, usual, fastest. ``prefill`` None: not known.

    A token takes its bytes over ``decode`` of the bandwidth, and ``block`` seconds for each block, in which kernels start
    and end while the memory waits; ``prefill`` is a part of the peak of the vector units.
    """

    decode: tuple[float, float, float]
    block: tuple[float, float, float]
    prefill: tuple[float, float, float] | None


_RADEON: Final = Reach((0.55, 0.83, 0.95), (150e-6, 85e-6, 30e-6), (0.2, 0.42, 0.65))
REACHED: Final[Mapping[str, Reach]] = {
    # Fitted to 8B Q4_K_M, 8B F16, 7B Q4_0, 70B on 3070 to 4090, A6000, Ada (XiongjieDai/GPU-Benchmarks-on-LLM-Inference) and
    # 8B Q4_K_M on RTX 5090, 222/s (CambrianTech/continuum pull request 1627). Slowest: P40 7B Q4_0, prompts without matrix
    # units; fastest: RTX 4090 8B Q4_0 prompts 10,359/s = 2.0. (ggml-org/llama.cpp pull requests 3776, 4766, 7676, 7716, 7860)
    "cuda": Reach((0.50, 0.85, 0.97), (120e-6, 70e-6, 25e-6), (0.7, 1.5, 2.1)),
    # RX 7900 XTX 7B Q4_0 129-144/s, with Vulkan 167-177/s, 8B Q4_K_M 106/s; prompt 3,200-4,400/s = 0.35-0.57
    # (ggml-org/llama.cpp issue 20934, pull request 26284). Strix Halo 8B Q4_K_M 41.6/s, prompt 833/s = 0.45
    # (deseven/strixhalo-homelab issue 11), gpt-oss 120B 47.4/s, prompt 998/s = 0.34 (lhl/strix-halo-testing issue 33).
    "rocm": _RADEON,
    "vulkan": _RADEON,
    # M1, M1 Max, M3, M3 Max, M2 Ultra (XiongjieDai/GPU-Benchmarks-on-LLM-Inference), M4 8B 20.9/s, M1 Max 8B 46.2/s
    # (brand-o/normiebench issues 3, 40): a base chip waits for its memory, an Ultra for its blocks.
    "metal": Reach((0.48, 0.85, 0.97), (260e-6, 150e-6, 80e-6), (0.4, 0.68, 0.95)),
    # No figure of it is at hand: what the others span.
    "intel": Reach((0.30, 0.60, 0.90), (260e-6, 120e-6, 40e-6), None),
}
"""By kind of device. Seen 2026-11-25; peaks are those of the machine table."""
WIDE: Final = Reach((0.50, 0.72, 0.92), (200e-6, 150e-6, 80e-6), None)
"""Of cards with stacked memory: much bandwidth, many slow cores. Fitted to A100 80GB and H100 PCIe, 7B and 70B in Q4_0, 7B
in F16 (XiongjieDai/GPU-Benchmarks-on-LLM-Inference, LLaMA 2), which it meets within 15 %. Their peaks are not comparable: some
have matrix units and some have not."""
STACKED: Final = re.compile(r"\b(A100|A800|A30|H100|H800|H200|GH200|B200|GB200|V100|P100|Instinct|MI\d{2,3}[AXP]?)\b")

READ: Final[Mapping[bool, tuple[float, float, float]]] = {False: (0.45, 0.72, 0.92), True: (0.75, 0.95, 1.05)}
"""Of a processor's memory bandwidth, what it reads of weights it need not wait for; by whether the bandwidth was measured.

Of a maker's figure: i9-13900K, DDR5-6400, 7B Q4_0 18.3/s = 0.68 (ggml-org/llama.cpp issue 34).
"""
UNLIKE: Final = 2.0
"""How much slower or faster another processor's cores may be than the known one's."""


def _curve(*values: float, batches: tuple[int, ...] = (1, 8, 16, 32)) -> Curve:
    return tuple(zip(batches, (value * 1e-12 for value in values), strict=True))


KNOWN: Final = Calibration(
    processor="AMD EPYC (Zen 5, AVX-512)",
    threads=2,
    engine="2026.10.11549",
    date="2026-11-25",
    types=(
        TypeRate("F16", _curve(36.2, 147, 273, 539)),
        TypeRate("Q8_0", _curve(22.8, 101, 176, 329)),
        TypeRate("Q6_K", _curve(20.6, 180, 180, 277)),
        TypeRate("Q5_K", _curve(22.6, 141, 144, 231)),
        TypeRate("Q5_0", _curve(25.8, 132, 248, 483)),
        TypeRate("Q4_K", _curve(13.1, 88.5, 136, 269)),
        TypeRate("Q4_0", _curve(15.0, 90.2, 145, 286)),
        TypeRate("Q4_1", _curve(20.0, 142, 273, 537)),
        TypeRate("Q3_K", _curve(21.7, 173, 175, 278)),
        TypeRate("Q2_K", _curve(14.4, 138, 138, 247)),
        TypeRate("IQ4_XS", _curve(21.2, 150, 151, 269)),
        TypeRate("IQ3_XXS", _curve(38.9, 190, 190, 279)),
        TypeRate("IQ2_XXS", _curve(29.2, 173, 173, 256)),
        TypeRate("MXFP4", _curve(37.8, 159, 284, 562)),
    ),
    attention=(
        AttentionRate("f16", 64, 22.1e-9, _curve(10_800, 2_490, 2_280, batches=(8, 64, 256))),
        AttentionRate("f16", 128, 22.0e-9, _curve(13_100, 3_940, 3_670, batches=(8, 64, 256))),
        AttentionRate("q8_0", 64, 25.9e-9, _curve(13_600, batches=(64,))),
        AttentionRate("q8_0", 128, 24.9e-9, _curve(21_400, batches=(64,))),
        AttentionRate("q4_0", 64, 44.3e-9, _curve(24_400, batches=(64,))),
        AttentionRate("q4_0", 128, 43.0e-9, _curve(38_600, batches=(64,))),
    ),
    token=1e-4,
    layer=((1, 1.0e-4), (8, 2.33e-4), (64, 7.49e-4)),
    vocabulary=8.5e-9,
)
"""Two cores with 52 GB/s: medians of three ``homeroom bench --calibrate``, the quickest where memory was waited for."""

KIN: Final[Mapping[str, str]] = {
    "F32": "F16",
    "Q4_1": "Q4_0",
    "Q5_0": "Q8_0",
    "Q5_1": "Q8_0",
    "IQ4_NL": "Q4_0",
    "IQ3_S": "IQ3_XXS",
    "IQ2_XS": "IQ2_XXS",
    "IQ2_S": "IQ2_XXS",
    "IQ1_S": "IQ2_XXS",
    "IQ1_M": "IQ2_XXS",
    "BF16": "F16",
    "NVFP4": "MXFP4",
    "TQ1_0": "Q2_K",
    "TQ2_0": "Q2_K",
    "Q1_0": "Q2_K",
    "Q2_0": "Q2_K",
}
"""A type that was not measured takes as long per parameter as this one, the nearest in how it is computed with."""
