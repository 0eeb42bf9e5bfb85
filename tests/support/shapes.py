"""Models and machines by their figures alone, for tests of what is reckoned from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from homeroom.hardware.machine import Device, Machine
from homeroom.models.facts import Layer, LayerWeights, ModelFacts, Weights

GB = 10**9
GIB = 1 << 30


def model(
    blocks: int = 32,
    *,
    rest: int = 125_000_000,
    experts: int = 0,
    heads: int = 500_000_000,
    tied: bool = False,
    context: int = 131_072,
    name: str = "m",
) -> ModelFacts:
    """A model of *blocks* equal blocks of *rest* and *experts* (8, of which 2 are used) bytes in Q4_K, and two tables."""
    total = blocks * (rest + experts) + heads * (1 if tied else 2)
    read = blocks * (rest + experts // 4) + heads
    return ModelFacts(
        name=name,
        paths=(Path("m.gguf"),),
        sha256=None,
        architecture="llama",
        title=None,
        parameters=total * 16 // 9,
        file_bytes=total,
        tensor_bytes=total,
        quantization="Q4_K_M",
        bits_per_weight=4.5,
        context_length=context,
        embedding_length=4096,
        vocabulary=128_256,
        layers=(Layer(8, 128, 128, heads=32),) * blocks,
        chat_template=None,
        pooling=None,
        license=None,
        base=None,
        tokenizer="gpt2",
        weights=Weights(heads, 0 if tied else heads, 0, (LayerWeights(rest, experts),) * blocks, (("Q4_K", read),)),
        active_parameters=read * 16 // 9,
        experts=8 if experts else 0,
        experts_used=2 if experts else 0,
    )


def gpu(memory: int, name: str = "RTX", *, unified: bool = False, bandwidth: float | None = 1e12) -> Device:
    """A GPU of which all *memory* is free."""
    return Device(name=name, kind="cuda", memory_total=memory, memory_free=memory, bandwidth=bandwidth, unified=unified)


def machine(memory: int, *devices: Device, bandwidth: float | None = 50e9) -> Machine:
    """A machine of which all *memory* is free."""
    plain = Machine("box", "Linux", "cpu", 8, 16, memory, memory, None)
    return replace(plain, devices=devices, bandwidth=bandwidth)
