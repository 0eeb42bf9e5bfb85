"""The child process that holds one model: the only module that runs the engine (``fit/dry_run_child.py`` asks it).

Started by ``engine/child.py`` as ``python -m homeroom.engine.worker``. Reads one line of JSON (what to load, and how) from
standard input, answers one line of JSON on what was its standard output, and serves on a loopback port until its input
closes, which also happens when its parent dies in any way. Everything the engine prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from homeroom.lifeline import die_with_parent, leave_when_input_closes


def main() -> None:
    """Load, announce, serve until the parent lets go."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # the engine's C code prints; nothing of that may look like an answer
    die_with_parent()
    options = json.loads(sys.stdin.buffer.readline())
    leave_when_input_closes()
    try:
        import xllamacpp
    except ImportError as error:
        _answer(answers, {"event": "missing", "reason": str(error)})
        return
    try:
        server = xllamacpp.Server(parameters(xllamacpp, options))
    except RuntimeError as error:
        _answer(answers, {"event": "failed", "reason": str(error)})
        return
    _answer(answers, {"event": "loaded", "url": server.listening_address, "version": xllamacpp.__version__})
    threading.Event().wait()


def parameters(engine: Any, options: dict[str, Any]) -> Any:
    """The engine's CommonParams for *options* (``EnginePlan.worker_options`` and the model's path, name and secret)."""
    params = engine.CommonParams()
    params.model.path = options["path"]
    params.model_alias = {options["name"]}
    params.api_keys = [options["secret"]]
    params.port = 0
    params.n_ctx = options["n_ctx"]
    params.n_parallel = options["n_parallel"]
    params.n_batch = params.n_ubatch = options["n_batch"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options["n_threads"]
    params.flash_attn_type = getattr(
        engine.llama_flash_attn_type, f"LLAMA_FLASH_ATTN_TYPE_{options['flash_attention'].upper()}"
    )
    kv_type = getattr(engine.ggml_type, f"GGML_TYPE_{options['kv_type'].upper()}")
    params.cache_type_k = params.cache_type_v = kv_type
    if options["pooling"]:
        params.embedding = True
        params.pooling_type = getattr(engine.llama_pooling_type, f"LLAMA_POOLING_TYPE_{options['pooling'].upper()}")
    if options["chat_format"]:  # one of llama.cpp's own, by name; without it the file's template is rendered as Jinja
        params.chat_template, params.use_jinja = options["chat_format"], False
    # Only a GPU needs layers placed by free memory; on a CPU it would size the model twice.
    params.fit_params = any("GPU" in str(device.get("type", "")) for device in engine.get_device_info())
    params.cache_ram_mib = options["cache_mib"]
    params.ui = False
    params.verbosity = options["verbosity"]
    return params


def _answer(stream: Any, event: dict[str, Any]) -> None:
    stream.write(json.dumps(event) + "\n")
    stream.flush()


if __name__ == "__main__":
    main()
