"""Homes with the real starter model, and one running gateway for all tests that only ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeroom.models.starter import starter_facts
from homeroom.models.store import Store, StoredFile
from support.commands import MakeHome, Running, end, start


@pytest.fixture(scope="session")
def make_home(starter_path: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeHome:
    """``make_home()`` is a new home that has the starter model."""

    def make() -> Path:
        home = tmp_path_factory.mktemp("home")
        facts, store = starter_facts(), Store(home / "models")
        store.prepare()
        store.blob(facts.member.sha256).symlink_to(starter_path)
        store.put(
            facts.name, [StoredFile("model", "m.gguf", facts.member.sha256, facts.member.bytes)], source=facts.source
        )
        return home

    return make


@pytest.fixture(scope="session")
def home(make_home: MakeHome) -> Path:
    """A home with the starter model that no test changes and no gateway serves."""
    return make_home()


@pytest.fixture(scope="session")
def gateway(make_home: MakeHome) -> Iterator[Running]:
    """``homeroom up --json`` with the starter model loaded; ended by Ctrl-C, which is its normal end."""
    home = make_home()
    process = start(home, "up", "--port", "0", "--ctx", "2048", "--json")
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        pytest.fail(process.communicate()[1])
    told = json.loads(line)
    yield Running(home, told["base_url"], told["key"], told["pid"])
    assert end(process).code == 0
