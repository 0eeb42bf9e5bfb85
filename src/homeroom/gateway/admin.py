"""homeroom's own routes, for keys with the right ``admin``: what runs, stop it, keys.

JSON only, with the names that ``homeroom ... --json`` prints. Knows no dialect.
"""

from __future__ import annotations

import os
import time
from typing import Any

from starlette.background import BackgroundTask
from starlette.responses import Response

from homeroom.engine import fields
from homeroom.engine.pool import Loaded, Loading
from homeroom.errors import BadRequest
from homeroom.gateway.dialects import Json
from homeroom.gateway.keys import RIGHTS
from homeroom.gateway.service import Call


async def status(call: Call) -> Response:
    """``GET /homeroom/status``: the gateway, and each engine with its choices and their reasons."""
    service = call.service
    return Json(
        {
            "gateway": {
                "version": service.version,
                "pid": os.getpid(),
                "host": service.settings.host,
                "port": service.settings.port,
                "started_at": _time(service.started_at),
                "default_model": service.default_model or None,
            },
            "engines": [_loaded(engine) for engine in service.pool.loaded]
            + [_loading(engine) for engine in service.pool.loading],
        }
    )


async def stop(call: Call) -> Response:
    """``POST /homeroom/stop``: ``{"model": NAME}`` unloads one, ``{"all": true}`` ends the gateway."""
    body = await call.json()
    if body.get("all") is True:
        return Json({"stopped": "gateway"}, background=BackgroundTask(call.service.stop))
    if not isinstance(body.get("model"), str):
        raise BadRequest("engine.bad_field", param="model", field="model", expected="NAME")
    facts = call.service.library.find(body["model"])
    count = await call.service.pool.unload(facts.path, force=body.get("force") is True)
    return Json({"stopped": facts.name, "engines": count})


async def list_keys(call: Call) -> Response:
    """``GET /homeroom/keys``."""
    return Json({"keys": [key.row() for key in call.service.keys.all()]})


async def add_key(call: Call) -> Response:
    """``POST /homeroom/keys``: ``{"name": ..., "rights": ["inference"]}``; the secret is in this answer only."""
    body = await call.json()
    rights = body.get("rights", ["inference"])
    if not isinstance(rights, list) or not rights or not set(map(str, rights)) <= set(RIGHTS):
        raise BadRequest("engine.bad_field", param="rights", field="rights", expected=" | ".join(RIGHTS))
    key, secret = call.service.keys.create(fields.text("name", body.get("name")), frozenset(rights))
    return Json(key.row() | {"key": secret}, status_code=201)


async def revoke_key(call: Call) -> Response:
    """``DELETE /homeroom/keys/{id or name}``."""
    return Json({"revoked": [key.row() for key in call.service.keys.revoke(call.rest)]})


def _loaded(engine: Loaded) -> dict[str, Any]:
    return {
        "model": engine.facts.name,
        "purpose": engine.plan.purpose,
        "state": "busy" if engine.leases else "idle",
        "requests": engine.leases,
        "pid": engine.child.pid,
        "engine": f"xllamacpp {engine.child.version}",
        "memory_resident": engine.child.resident(),
        "loaded_at": _time(engine.child.started_at),
        "load_seconds": round(engine.child.load_seconds, 3),
    } | engine.plan.row()


def _loading(engine: Loading) -> dict[str, Any]:
    return {
        "model": engine.facts.name,
        "purpose": engine.plan.purpose,
        "state": "loading",
        "loaded": round(engine.fraction, 3),
    } | engine.plan.row()


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
