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


def fit_word(verdict: str, offloaded: bool = True) -> str:
    """``fits``, ``fits-partly`` or ``too-big`` as a sentence; *offloaded*: whether a part lies on a GPU."""
    return text.t(f"advice.verdict.{'processor' if verdict == 'fits-partly' and not offloaded else verdict}")


def speed_words(speed: Range) -> str:
    """Tokens/s with the range: ``6.1 tokens/s (5.2 to 7.0)``."""
    return text.t("advice.speed_range", expected=_rate(speed.expected), low=_rate(speed.low), high=_rate(speed.high))


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def two_digits(value: float) -> str:
    """A rate with two significant digits: ``120``, ``15``, ``4.4``, ``0.32``."""
    value = float(f"{value:.2g}")
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:g}"


def kind_word(kind: str) -> str:
    """A kind of the catalogue (``reasoning``) as a word."""
    return text.t(f"advice.kind.{kind}") if text.has(f"advice.kind.{kind}") else kind


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
