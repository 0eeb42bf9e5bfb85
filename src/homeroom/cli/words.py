"""Figures and verdicts as people read them.

Pure. Knows how a number is said; does not know where it comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeroom import text

if TYPE_CHECKING:
    from homeroom.engine.choose import Fit


def count(number: int) -> str:
    """A number of parameters: ``135 M``, ``7.6 B``."""
    for size, unit in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            value = number / size
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return str(number)


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
