"""What the stores of other programs are filled with where nobody looks into a file."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF")
    return path
