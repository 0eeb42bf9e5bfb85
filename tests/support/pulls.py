"""Homes to pull into: one whose machine's bandwidth is known already, so that no test measures it."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from homeroom.hardware import bandwidth
from homeroom.hardware.machine import detect
from support.hub_server import HubServer


def known_home(folder: Path) -> Path:
    """*folder* as a home in which this machine's memory bandwidth has been measured."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = detect(devices=True)
    said = {
        "machine": bandwidth.fingerprint(machine),
        "bandwidth": 50e9,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "busy": False,
    }
    (folder / bandwidth.FILE).write_text(json.dumps(said), encoding="utf-8")
    return folder


def hubs_at(hub: HubServer, home: Path) -> Mapping[str, str]:
    """The environment in which every hub is *hub*, and nobody is signed in."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HOMEROOM_", "HF_", "MODELSCOPE_"))
    }
    return kept | {
        "HOMEROOM_HOME": str(home),
        "HOMEROOM_HF_ENDPOINT": hub.url,
        "HOMEROOM_MODELSCOPE_ENDPOINT": hub.url,
        "HOMEROOM_OLLAMA_REGISTRY": hub.url,
        "HOMEROOM_STORES": "none",
        "HF_HOME": str(home / "no-hf"),
    }


@contextmanager
def serving(hub: HubServer) -> Iterator[HubServer]:
    """*hub* in a thread of its own, for tests that wait for processes."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="hub")
    thread.start()

    def run(work: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(30)

    run(hub.__aenter__())
    try:
        yield hub
    finally:
        run(hub.__aexit__())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
