"""Measures how fast this machine's processor runs models, with small models of no weights.

Their weights are holes in a file: they are read and computed with like any others. Each tensor type has a wide model of
its own, so that a rate is that type's; narrow ones tell what attention, a block and a token cost by themselves. The
faster quarter of many short slices is kept, because other programs take the cores at times. Does not know what follows
from the rates (``fit/speed``).
"""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from homeroom import text
from homeroom.engine.plan import Ask, Choice, make_plan
from homeroom.engine.timing import Engine, Running, Timed, slices
from homeroom.errors import DiskFull, DoesNotFit
from homeroom.fit.calibration import AttentionRate, Calibration, Curve, TypeRate, at, in_proportion
from homeroom.hardware.bandwidth import watch_others
from homeroom.hardware.machine import Machine
from homeroom.models import gguf_write
from homeroom.models.disk import disk_error, free_bytes
from homeroom.models.gguf import read_header
from homeroom.models.inspect import inspect
from homeroom.models.quantization import TENSOR_TYPES
from homeroom.models.temporary import temporary_folder
from homeroom.version import engine_version

TYPES: Final = (
    "Q4_K", "Q6_K", "Q8_0", "Q5_K", "F16", "Q4_0", "Q5_0", "Q3_K", "Q4_1", "Q2_K", "IQ4_XS", "MXFP4", "IQ3_XXS", "IQ2_XXS",
)  # fmt: skip
"""In the order of how many models are made of them: what there is no time for goes by its kin (``speed.KIN``)."""
KV_TYPES: Final = ("f16", "q8_0", "q4_0")
BATCHES: Final = (8, 16, 32, 64, 128, 512)
WIDTH: Final = 4096
FEED_FORWARD: Final = 11008
DEPTH: Final = 1024
"""Tokens in the cache where the cost of attention is measured."""
SECONDS: Final = 27.0
"""What a calibration may take in all."""
_LEAST: Final = 3
"""Types that are measured however long it takes: what is known of fewer tells nothing of the files that people have."""
_TOKENS: Final = 258
"""The smallest vocabulary that can read: its head costs next to nothing."""
_VOCABULARY: Final = 65_536
"""Of the model that tells what sampling costs."""
_IDS: Final = {kind.name: number for number, kind in TENSOR_TYPES.items()}

OnStep = Callable[[str, float], None]
"""Told what is measured next (a type's name) and the part that is done, 0..1."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A model of no weights in the architecture ``llama``, all its matrices of one *kind*."""

    kind: str
    layers: int
    embedding: int = WIDTH
    feed_forward: int = FEED_FORWARD
    heads: int = 32
    kv_heads: int = 8
    head: int = 128
    vocabulary: int = _TOKENS

    def write(self, path: Path) -> Path:
        """The model's file at *path*, its weights being holes."""
        kind, embd, ff = _IDS[self.kind], self.embedding, self.feed_forward
        q, kv = self.heads * self.head, self.kv_heads * self.head
        tensors: list[tuple[str, Sequence[int], int]] = [
            ("token_embd.weight", (embd, self.vocabulary), kind),
            ("output_norm.weight", (embd,), 0),
            ("output.weight", (embd, self.vocabulary), kind),
        ]
        for number in range(self.layers):
            matrices = {
                "attn_q": (embd, q), "attn_k": (embd, kv), "attn_v": (embd, kv), "attn_output": (q, embd),
                "ffn_gate": (embd, ff), "ffn_up": (embd, ff), "ffn_down": (ff, embd),
            }  # fmt: skip
            tensors += [(f"blk.{number}.{name}_norm.weight", (embd,), 0) for name in ("attn", "ffn")]
            tensors += [(f"blk.{number}.{name}.weight", shape, kind) for name, shape in matrices.items()]
        metadata: dict[str, gguf_write.Value] = {
            "general.architecture": "llama",
            "llama.block_count": self.layers,
            "llama.context_length": 2 * DEPTH,
            "llama.embedding_length": embd,
            "llama.feed_forward_length": ff,
            "llama.attention.head_count": self.heads,
            "llama.attention.head_count_kv": self.kv_heads,
            "llama.attention.key_length": self.head,
            "llama.attention.value_length": self.head,
            "llama.rope.dimension_count": self.head,
            "llama.attention.layer_norm_rms_epsilon": 1e-5,
            "llama.vocab_size": self.vocabulary,
            **gguf_write.with_vocabulary(self.vocabulary),
        }
        return gguf_write.write(metadata, tensors, path)

    @property
    def parameters(self) -> int:
        """Parameters that one token meets in matrices."""
        attention = 2 * self.embedding * self.head * (self.heads + self.kv_heads)
        return self.layers * (attention + 3 * self.embedding * self.feed_forward) + self.embedding * self.vocabulary

    @property
    def spared(self) -> int:
        """Those of the last block's feed-forward and of the head: of a prompt, only its last token goes through them."""
        return 3 * self.embedding * self.feed_forward + self.embedding * self.vocabulary


async def calibrate(
    machine: Machine,
    logs: Path,
    *,
    now: str,
    seconds: float = SECONDS,
    types: Sequence[str] = TYPES,
    on_step: OnStep = lambda name, part: None,
    clock: Callable[[], float] = time.monotonic,
    watch: Callable[[], Callable[[], bool]] = watch_others,
) -> Calibration:
    """Measure *machine*'s processor, which is this one's, in at most about *seconds*.

    *now* is the date that the calibration bears. The types that there is no time for are left out, the usual ones come
    first. *watch* tells whether other programs were busy meanwhile. Raises EngineStartFailed or EngineDied where the engine
    does not run, DiskFull or StoreFailure where there is no room.
    """
    began, others = clock(), watch()
    with temporary_folder("homeroom-bench-") as folder:
        lab = _Lab(folder, machine, logs)
        on_step("f16", 0.0)
        attention = [await _attention(lab, "f16", 64), await _attention(lab, "f16", 128)]
        token, vocabulary = await _token(lab)
        layer = await _layer(lab)
        rates, spread = [], 0.0
        # The other types of cache come last: each takes about two seconds, like a type.
        until = began + seconds - 4.0
        for number, kind in enumerate(types):
            on_step(kind, min(0.9, (clock() - began) / max(1.0, seconds)))
            each = max(0.6, (until - clock()) / (len(types) - number))
            try:
                rate, apart = await _type(lab, kind, layer, each)
            except DoesNotFit:  # F16 where memory is short: its kin will tell, if there is one
                continue
            rates.append(rate)
            spread = max(spread, apart) if number < 2 else spread
            if number + 1 >= _LEAST and clock() > until - 0.5 * each:
                break
        for kind in KV_TYPES[1:]:
            on_step(kind, min(0.95, (clock() - began) / max(1.0, seconds)))
            attention.append(await _attention(lab, kind, 128))
    on_step("", 1.0)
    return Calibration(
        processor=machine.processor,
        threads=machine.cores,
        engine=engine_version(),
        date=now,
        types=tuple(rates),
        attention=(
            *attention[:2],
            *(_small_head(rate, attention[0], attention[1]) for rate in attention[2:]),
            *attention[2:],
        ),
        token=token,
        layer=layer,
        vocabulary=vocabulary,
        spread=round(min(0.5, spread), 3),
        busy=others(),
    )


# ---- what is measured with models of no weights


@dataclass(frozen=True, slots=True)
class _Lab:
    """Where the files of this calibration lie, and on what they run."""

    folder: Path
    machine: Machine
    logs: Path

    def running(self, shape: Shape, *, kv_type: str = "f16", odds: bool = False) -> Running:
        try:
            path = shape.write(self.folder / "bench.gguf")
        except OSError as error:
            raise disk_error(error, self.folder) from error
        # In a file system that lies in memory a hole takes room once it is read: without room the process would be ended.
        if free_bytes(self.folder) < (size := path.stat().st_size):
            raise DiskFull("speed.disk_full", folder=self.folder.parent, needed=text.size(size))
        if odds:
            _give_odds(path, shape)
        facts = inspect(path, "bench")
        ask = Ask(context=2 * DEPTH, parallel=1, threads=self.machine.cores, kv_type=kv_type)
        plan = make_plan(facts, self.machine, ask)
        return Running(facts, replace(plan, batch=Choice("batch", max(BATCHES), "engine.batch.size")), self.logs)


async def _attention(lab: _Lab, kv_type: str, head: int) -> AttentionRate:
    """Attention over a cache of *kv_type* that is larger than the processor's own caches."""
    plain = kv_type == KV_TYPES[0]
    # Over other types the engine reads a prompt slowly, and as slowly in a large batch as in a small one.
    depth, batches, layers = (DEPTH, (8, 64, 256), 24) if plain else (DEPTH // 2, (64,), 12)
    shape = Shape("Q8_0", layers, 256, 256, heads=16, kv_heads=4, head=head)
    async with lab.running(shape, kv_type=kv_type) as engine:
        near = _quick(await slices(engine, 16, generate=16, times=2))
        long = await engine.run(engine.prompt(depth), 16)
        read = engine.last
        far = _quick([long, await engine.run(read, 16)])
        # A prompt that goes on from the long one first: another would have to read that again.
        here = [await _prompt(engine, each, 2, after=read) for each in batches]
        start = [await _prompt(engine, each, 2) for each in batches]
    cells = depth * shape.layers * shape.heads
    prompt = tuple(
        (batch, max(1e-15, (late - early) / batch / cells))
        for batch, late, early in zip(batches, here, start, strict=True)
    )
    return AttentionRate(kv_type, head, max(1e-15, (far - near) / cells), prompt)


def _small_head(rate: AttentionRate, small: AttentionRate, large: AttentionRate) -> AttentionRate:
    """A small head's rate over another type of cache, as small and large heads compare over the plain one."""
    prompt = tuple((batch, value * at(small.prompt, batch) / at(large.prompt, batch)) for batch, value in rate.prompt)
    return AttentionRate(rate.name, small.head, rate.cell * small.cell / large.cell, prompt)


async def _token(lab: _Lab) -> tuple[float, float]:
    """Seconds of a token by itself, and of sampling per entry of the vocabulary: models that are nearly nothing else."""
    spent = []
    for vocabulary in (_TOKENS, _VOCABULARY):
        shape = Shape("Q8_0", 1, embedding=256, feed_forward=256, heads=2, kv_heads=2, vocabulary=vocabulary)
        async with lab.running(shape, odds=True) as engine:
            spent.append(_quick(await slices(engine, 8, generate=16, times=2)))
    return spent[0], max(0.0, (spent[1] - spent[0]) / _VOCABULARY)


def _give_odds(path: Path, shape: Shape) -> None:
    """Fill the embedding and the head of a Q8_0 model at random: sorting odds that are all the same costs less."""
    blocks = shape.vocabulary * shape.embedding // 32
    table = bytearray(random.Random(shape.vocabulary).randbytes(34 * blocks))
    table[0::34], table[1::34] = bytes(blocks), b"\x1c" * blocks  # each block's scale, 0.004 in half precision
    ones = struct.pack(f"<{shape.embedding}f", *[1.0] * shape.embedding)
    padding = bytes(-len(table) % 32)
    with path.open("r+b") as file:
        file.seek(read_header(path).data_offset)
        file.write(bytes(table) + padding + ones + bytes(table))


async def _layer(lab: _Lab) -> Curve:
    """Seconds of a block beside its weights, by batch: what many narrow blocks take longer than few wide ones."""
    wide, narrow = Shape("Q8_0", 2), Shape("Q8_0", 20, embedding=1024, feed_forward=2816, heads=16, kv_heads=4, head=64)
    times: list[list[float]] = []
    for shape in (wide, narrow):
        async with lab.running(shape) as engine:
            one = _quick(await slices(engine, 4, generate=9, times=3))
            times.append([one, *[await _prompt(engine, batch, 2) for batch in (8, 64)]])
    found: list[tuple[int, float]] = []
    for batch, few, many in zip((1, 8, 64), *times, strict=True):
        met, met_narrow = wide.parameters, narrow.parameters
        if batch > 1:  # the last token's part is taken out as a token's
            few, many = few - times[0][0] * wide.spared / met, many - times[1][0] * narrow.spared / met_narrow
            met, met_narrow = met - wide.spared, met_narrow - narrow.spared
        ratio = met_narrow / met
        each = (many - few * ratio) / (narrow.layers - wide.layers * ratio)
        found.append((batch, max(1e-6, each, found[-1][1] if found else 0.0)))
    return tuple(found)


async def _type(lab: _Lab, kind: str, layer: Curve, seconds: float) -> tuple[TypeRate, float]:
    """Seconds per parameter by batch, in about *seconds*; and how far the slices of decode lay apart."""
    began = time.monotonic()
    shape = Shape(kind, 2)
    async with lab.running(shape) as engine:
        runs = await slices(engine, 4, generate=9, times=3)
        tokens = sorted(spent for run in runs for spent in run.tokens)
        one = max(1e-15, (_quick(runs) - shape.layers * at(layer, 1)) / shape.parameters)
        curve = [(1, one)]
        spent = 0.0
        for batch in BATCHES:
            # The time of a batch at most doubles with the batch: what there is no time for is left out.
            if batch > 32 and time.monotonic() - began + 2.2 * spent * batch / curve[-1][0] > seconds:
                break
            spent = await _prompt(engine, batch, 3 if batch <= 32 else 2)
            beside = shape.layers * in_proportion(layer, batch) + shape.spared * one
            curve.append((batch, max(curve[-1][1], (spent - beside) / (shape.parameters - shape.spared))))
    apart = (tokens[len(tokens) * 3 // 4] - tokens[len(tokens) // 4]) / tokens[len(tokens) // 2]
    return TypeRate(kind, tuple(curve)), apart


async def _prompt(engine: Engine, tokens: int, times: int, after: Sequence[int] = ()) -> float:
    """Seconds to read *tokens* after those that were read before."""
    return min([(await engine.run([*after, *engine.prompt(tokens)], 1)).prompt for _ in range(times)])


def _quick(runs: Sequence[Timed]) -> float:
    """Seconds of a token: the quickest quarter's slowest."""
    spent = sorted(each for run in runs for each in run.tokens)
    return spent[len(spent) // 4]
