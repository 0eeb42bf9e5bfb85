"""A model's answer as it comes, on a terminal or into a pipe; thinking is told apart from the answer.

Knows pieces and where they are written; does not know where they come from.
"""

from __future__ import annotations

from typing import Literal

from homeroom import text
from homeroom.cli.output import DIM, Output, coloured, plain
from homeroom.cli.progress import Status
from homeroom.engine.replies import Piece, Reply

Mode = Literal["", "thinking", "answer"]


class Voice:
    """Writes one answer. Thinking goes to standard error, dimmed where there are colours, between words where not;
    a pipe gets the answer alone. ``said`` is what has been answered so far."""

    def __init__(self, out: Output, *, hide_thinking: bool) -> None:
        self._out = out
        self._status = Status(out)
        self._hidden = hide_thinking or out.quiet or not out.stderr.isatty()
        self._dims = coloured(out.stderr)
        self._mode: Mode = ""
        self.said = ""

    def loading(self, fraction: float) -> None:
        """Tell how much of the model is loaded."""
        self._status.show(text.t("cli.run.loading", percent=f"{fraction:.0%}"))

    def say(self, piece: Piece) -> None:
        if piece.read is not None:
            self._status.show(text.t("cli.run.reading", percent=f"{piece.read:.0%}"))
        if piece.thinking and not self._hidden:
            self._turn("thinking")
            self._aside(piece.thinking)
        elif piece.thinking:
            self._status.show(text.t("cli.run.thinking"))
        if piece.text:
            words = piece.text if self.said else piece.text.lstrip("\n")
            self._turn("answer")
            self.said += piece.text
            self._out.write(words)

    def end(self) -> None:
        """Leave the line that the answer ended on, and no colour behind."""
        self._turn("")
        if self.said and not self.said.endswith("\n"):
            self._out.write("\n")

    def _turn(self, mode: Mode) -> None:
        self._status.clear()
        if mode == self._mode:
            return
        if self._mode == "thinking":
            self._aside(f"{DIM[1]}\n\n" if self._dims else f"\n[{text.t('cli.run.thought')}]\n\n")
        if mode == "thinking":
            self._aside(DIM[0] if self._dims else f"[{text.t('cli.run.thinking')}]\n")
        self._mode = mode

    def _aside(self, words: str) -> None:
        self._out.stdout.flush()
        self._out.stderr.write(plain(words, self._out.stderr))
        self._out.stderr.flush()


def remark(out: Output, reply: Reply) -> None:
    """What a person should know about a reply besides its words: that it was cut, and with ``-v`` how fast it was."""
    if reply.finish_reason == "length":
        out.say(text.t("cli.run.cut", tokens=reply.usage.completion))
    if out.verbose:
        rates = [f"{rate:.1f} tok/s" if rate else "-" for rate in (reply.prefill_rate, reply.decode_rate)]
        tokens = reply.usage
        out.say(
            text.t("cli.run.figures", prompt=tokens.prompt, read=rates[0], answer=tokens.completion, wrote=rates[1])
        )
