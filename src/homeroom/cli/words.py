"""Figures and verdicts as people read them.

Pure. Knows how a number is said; does not know where it comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeroom import text

if TYPE_CHECKING:
    from homeroom.engine.choose import Fit
    from homeroom.fit.speed import Range
    from homeroom.hardware.machine import Machine


def fit_words(verdict: Fit) -> str:
    """A verdict in words: never by a colour or a sign alone."""
    if verdict.plan is None:
        return text.t("cli.fit.no")
    context = f"{verdict.plan.number('context'):,}"
    needed = text.size(verdict.plan.memory.total)
    if verdict.verdict == "fits-partly":
        return text.t("cli.fit.partly", needed=needed, context=context)
    return text.t("cli.fit.yes", needed=needed)


def yes_no(value: bool) -> str:
    return text.t("cli.yes") if value else text.t("cli.no")


def fit_word(verdict: str) -> str:
    """``fits``, ``fits-partly`` or ``too-big`` as a word."""
    return text.t(f"advice.verdict.{verdict}")


def speed_words(speed: Range) -> str:
    """Tokens/s with the range: ``6.1 tokens/s (5.2 to 7.0)``."""
    return text.t("advice.speed_range", expected=_rate(speed.expected), low=_rate(speed.low), high=_rate(speed.high))


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def machine_words(machine: Machine) -> str:
    """A machine's name with its memory and its GPUs, free and in all."""
    devices = "".join(
        text.t(
            "advice.device_words",
            name=device.name,
            free=text.size(device.memory_free),
            total=text.size(device.memory_total),
        )
        for device in machine.devices
    )
    return text.t(
        "advice.machine_words",
        name=machine.name,
        free=text.size(machine.memory_free),
        total=text.size(machine.memory_total),
        devices=devices,
    )
