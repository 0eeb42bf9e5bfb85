"""Which tensors each architecture of llama.cpp has: one module a family, one plan an architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from homeroom.models.architectures import dense, encoders, experts, gemma, hyper, latent, recurrent
from homeroom.models.architectures.plan import Plan

PLANS: Final[Mapping[str, Plan]] = {
    **dense.PLANS,
    **encoders.PLANS,
    **experts.PLANS,
    **gemma.PLANS,
    **hyper.PLANS,
    **latent.PLANS,
    **recurrent.PLANS,
}
