"""What every test may ask for: the real small models, and a home of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import models


@pytest.fixture(scope="session")
def starter_path() -> Path:
    """SmolLM2-135M-Instruct Q4_1."""
    return models.starter()


@pytest.fixture(scope="session")
def gemma_path() -> Path:
    """Gemma 3 270M base Q4_K_M."""
    return models.gemma()


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the home, the language, the settings or the models of whoever runs it."""
    monkeypatch.setenv("HOMEROOM_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("HOMEROOM_STORES", "none")
    for name in ("HOMEROOM_LANG", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
