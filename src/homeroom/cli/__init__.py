"""The command line: thin doors that parse, call and show. ``main`` is what the console script runs."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0 ok, 1 a well-formed "no", 2 usage, 3 failure, 130 interrupted."""
    from homeroom.cli.app import run

    return run(sys.argv[1:] if argv is None else argv)
