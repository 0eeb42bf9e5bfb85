"""The child process of a dry run: sizes a model without allocating it, says what it found in the engine's log, and ends.

Started by ``fit/dry_run.py`` as ``python -m homeroom.fit.dry_run_child``, which ends it as soon as the log has the figures.
Does not know what the lines mean.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from homeroom.lifeline import die_with_parent, leave_when_input_closes


def main() -> None:
    """Load what one line of JSON from standard input says, with everything logged to standard error; the exit code is 1."""
    die_with_parent()
    options = json.loads(sys.stdin.buffer.readline())
    leave_when_input_closes()
    import xllamacpp

    try:
        xllamacpp.Server(parameters(xllamacpp, options))
    except RuntimeError as error:
        sys.stderr.write(f"dry run failed: {error}\n")
    sys.stderr.flush()
    os._exit(1)  # a normal end trips over the thread that waits for standard input


def parameters(engine: Any, options: dict[str, Any]) -> Any:
    """The engine's CommonParams that make it size the model first (``fit_params``) and log each buffer (verbosity 5)."""
    params = engine.CommonParams()
    params.model.path = options["path"]
    params.n_ctx = options["n_ctx"]
    params.n_parallel = options["n_parallel"]
    params.n_batch = params.n_ubatch = options["n_batch"]
    params.flash_attn_type = getattr(
        engine.llama_flash_attn_type, f"LLAMA_FLASH_ATTN_TYPE_{options['flash_attention'].upper()}"
    )
    kv_type = getattr(engine.ggml_type, f"GGML_TYPE_{options['kv_type'].upper()}")
    params.cache_type_k = params.cache_type_v = kv_type
    params.fit_params = True
    params.no_extra_bufts = True  # repacked weights are made while loading, which this never does
    params.warmup = False
    params.ui = False
    params.port = 0
    params.verbosity = 5
    return params


if __name__ == "__main__":
    main()
