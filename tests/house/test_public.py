"""The public door: what ``__all__`` names is there, is documented, and importing it is cheap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import homeroom

DOCS = Path(__file__).parents[2] / "docs"


def test_all_that_is_named_is_there() -> None:
    for name in homeroom.__all__:
        assert getattr(homeroom, name) is not None
    assert set(dir(homeroom)) == set(homeroom.__all__)


def test_all_that_is_there_is_documented() -> None:
    page = (DOCS / "python.md").read_text(encoding="utf-8")
    assert [name for name in homeroom.__all__ if f"`{name}`" not in page] == []


def test_importing_the_door_imports_nothing_heavy() -> None:
    code = (
        "import sys, homeroom; "
        "print([m for m in ('aiohttp', 'sqlalchemy', 'rich', 'starlette', 'xllamacpp', 'psutil') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
