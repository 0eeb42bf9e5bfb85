"""The question that a fit answers: how long, how many at once, in which cache.

Pure. Knows how many tokens the engine reads at once on a machine; does not know bytes (``memory``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from homeroom.hardware.machine import Machine
from homeroom.models.facts import ModelFacts

DEFAULT_CONTEXT: Final = 8192
PREFILL_PER_CORE: Final = 28e9
"""Parameters x tokens/s that one core reads in a prompt: 430 tok/s of 135 M and 7.5 tok/s of 7.6 B on two cores."""
GPU_BATCH: Final = 512
"""The engine's own ``n_ubatch``."""


@dataclass(frozen=True, slots=True)
class Ask:
    """``context`` tokens of one request and ``parallel`` of them: the engine's ``n_ctx`` is their product.

    ``batch`` is how many tokens of a prompt the engine reads at once (its ``n_batch`` and ``n_ubatch``).
    """

    context: int = DEFAULT_CONTEXT
    parallel: int = 1
    kv_type: str = "f16"
    batch: int = GPU_BATCH
    flash_attention: bool = True

    def row(self) -> dict[str, Any]:
        return {
            "context": self.context,
            "parallel": self.parallel,
            "kv_type": self.kv_type,
            "batch": self.batch,
            "engine": "llama.cpp",
        }


Basis = Literal["engine", "formula"]


def batch_for(facts: ModelFacts, machine: Machine, *, threads: int = 0, parallel: int = 1) -> int:
    """Tokens of prompt between two looks at who is still there: on a processor, the power of two nearest below a
    quarter of a second of reading. Never less than *parallel*: the engine aborts where requests outnumber the batch.

    Other programs may take half of the cores, and a second is what a client that left may cost. Below 8 tokens
    the weights are read more often than they are used. A GPU reads ``GPU_BATCH`` in less than that.
    """
    if machine.devices:
        return max(GPU_BATCH, parallel)
    tokens = 0.25 * PREFILL_PER_CORE * (threads or machine.cores) / max(1, facts.active_parameters or facts.parameters)
    size = 8
    while size * 2 <= min(tokens, GPU_BATCH):
        size *= 2
    return max(size, parallel)
