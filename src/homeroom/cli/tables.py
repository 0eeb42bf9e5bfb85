"""Tables and lists of facts for people, aligned in columns whatever the language.

Knows shapes; does not know what is in them. rich is imported only when one is drawn.
"""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TextIO

from homeroom.cli.layout import columns, harmless, wrap

if TYPE_CHECKING:
    import rich.table

UNLIMITED: Final = 100_000
"""Columns of a table that goes to a file or a pipe: nothing is wrapped or cut there."""
_COMMAND: Final = re.compile(
    r'homeroom [a-z]+(?: (?:--?[a-z-]+(?: [\w.]+)?|"[^"]*"|[^\s，。；）]*[A-Z0-9:/_][^\s，。；）]*))*', re.ASCII
)
"""A command in a sentence, with its flags and names."""
_GLUE: Final = "\ue000"
"""Stands for a space where no line may end: it belongs to no script and is one column wide."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings. *right* are the numbers of the columns whose figures align on the right.

    With *panels* a table that is wider than the terminal is told in parts, each beginning with the first column; its cells
    may have several lines, which elsewhere than on a terminal become one. Else the columns *spare* are left out, one after
    the other, until it is narrow enough.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    panels: bool = False
    spare: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """A title and one fact a line: label, value and, where there is one, a remark."""

    title: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """Sentences: on a terminal broken between words, but in no command; the lines after the first begin at *indent*."""

    words: str
    indent: int = 0


Block = str | Prose | Table | Facts


def render(block: Block, stream: TextIO, colour: bool) -> str:
    """*block* as lines for *stream*, the last one ended."""
    block = _harmless(block)
    if isinstance(block, str):
        return block + "\n"
    width = shutil.get_terminal_size().columns if stream.isatty() else UNLIMITED
    if isinstance(block, Prose):
        return "".join(f"{line}\n" for line in _lines(block, width)) if stream.isatty() else f"{block.words}\n"
    if isinstance(block, Table):
        if block.panels:
            parts = _panels(block, width) if stream.isatty() else [_in_lines(block)]
            return "\n".join(_draw(_table(part), UNLIMITED, colour) for part in parts)
        return _draw(_table(_without_spare(block, width)), UNLIMITED, colour)
    title = render(Prose(block.title), stream, colour) if block.title else ""
    return title + _draw(_facts(block, width), width, colour)


def _harmless(block: Block) -> Block:
    if isinstance(block, str):
        return harmless(block)
    if isinstance(block, Prose):
        return replace(block, words=harmless(block.words))
    return replace(block, rows=tuple(tuple(harmless(cell) for cell in row) for row in block.rows))


def _in_lines(block: Table) -> Table:
    """*block* with every cell on one line."""
    return replace(block, rows=tuple(tuple(cell.replace("\n", " ") for cell in row) for row in block.rows))


def _lines(block: Prose, width: int) -> list[str]:
    """*block* in lines of at most *width* columns, where its words and commands allow."""
    words = _COMMAND.sub(lambda found: found[0].replace(" ", _GLUE), block.words)
    lines = [line.replace(_GLUE, " ") for line in wrap(words, width - block.indent)]
    return [lines[0], *(" " * block.indent + line.lstrip() for line in lines[1:])]


def _widths(block: Table) -> list[int]:
    """The columns that each column takes, with the gap after it."""
    return [
        2 + max(columns(line) for line in (heading, *(line for row in block.rows for line in row[number].split("\n"))))
        for number, heading in enumerate(block.headings)
    ]


def _without_spare(block: Table, width: int) -> Table:
    """*block* without as many of its spare columns as make it at most *width* columns wide."""
    widths = _widths(block)
    kept = list(range(len(widths)))
    for number in block.spare:
        if sum(widths[one] for one in kept) - 2 > width:
            kept.remove(number)
    return Table(
        tuple(block.headings[number] for number in kept),
        tuple(tuple(row[number] for number in kept) for row in block.rows),
        frozenset(place for place, number in enumerate(kept) if number in block.right),
    )


def _panels(block: Table, width: int) -> list[Table]:
    """*block* in parts of at most *width* columns, each with the first column and at least one other."""
    widths = _widths(block)
    parts: list[list[int]] = []
    used = width
    for number in range(1, len(widths)):
        if used + widths[number] > width + 2 and (not parts or len(parts[-1]) > 1):
            parts.append([0])
            used = widths[0]
        parts[-1].append(number)
        used += widths[number]
    return [
        Table(
            tuple(block.headings[number] for number in part),
            tuple(tuple(row[number] for number in part) for row in block.rows),
        )
        for part in parts
    ]


def _table(block: Table) -> rich.table.Table:
    table = _grid()
    for number, heading in enumerate(block.headings):
        # A row that is too long is wrapped by the terminal: a figure or a name broken in two could not be read or copied.
        table.add_column(heading, justify="right" if number in block.right else "left", no_wrap=True)
    table.show_header = True
    _fill(table, block.rows)
    return table


def _facts(block: Facts, width: int) -> rich.table.Table:
    table = _grid()
    # Values that take up to half of the line stay whole, so that they can be copied: the remarks give way.
    short = max((columns(row[1]) for row in block.rows if len(row) > 1), default=0) <= width // 2
    for number in range(max((len(row) for row in block.rows), default=0)):
        table.add_column(no_wrap=number == 0 or (number == 1 and short), overflow="fold")
    _fill(table, tuple((f"  {row[0]}", *row[1:]) for row in block.rows))
    return table


def _grid() -> rich.table.Table:
    import rich.table

    return rich.table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=False)


def _fill(table: rich.table.Table, rows: tuple[tuple[str, ...], ...]) -> None:
    from rich.text import Text

    for row in rows:
        table.add_row(*(Text(cell) for cell in row))


def _draw(table: rich.table.Table, width: int, colour: bool) -> str:
    from rich.console import Console

    paper = io.StringIO()
    console = Console(
        file=paper,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in paper.getvalue().splitlines())
