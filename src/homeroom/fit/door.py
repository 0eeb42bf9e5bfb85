"""``homeroom.fit``: the question of the command line, from Python.

Knows how code without async waits for code that has it; everything else is ``advise``'s.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from homeroom.fit.advise import Advice, Adviser
from homeroom.fit.ask import Basis
from homeroom.settings import load


def fit(
    model: str,
    *,
    ctx: int = 0,
    parallel: int = 0,
    kv_type: str = "auto",
    ram: str | None = None,
    vram: str | None = None,
    machine: str | None = None,
    basis: Basis = "formula",
) -> Advice:
    """Whether *model*, in every form of a MODEL, runs on this machine or on the one that is described.

    *ctx* tokens of one request (0: 8,192 or the model's own limit), *parallel* requests at once, *ram*, *vram* and *machine*
    as they are typed. ``advice.fit`` has the figures, ``advice.row()`` the JSON. Raises HomeroomError.

        homeroom.fit("deepseek-r1:7b", vram="12GB").fit.verdict
    """
    flags = {"ctx": str(ctx), "parallel": str(parallel), "kv_type": kv_type}
    given = {name: value for name, value in flags.items() if value not in ("0", "auto")}
    adviser = Adviser(load(given), ram=ram, vram=vram, machine=machine)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(adviser.look(model, basis))
    # Inside a running loop nothing can be waited for in its own thread.
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(asyncio.run, adviser.look(model, basis)).result()
