"""The engine without homeroom around it: loads a model in a child process and hands back what it says about it.

For tests that hold homeroom's own figures against the engine's.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_CHILD: Final = """
import json, os, sys, urllib.request
import xllamacpp
ask = json.loads(sys.argv[1])
params = xllamacpp.CommonParams()
params.model.path = ask["path"]
params.n_ctx, params.n_parallel = ask["context"] * ask["parallel"], ask["parallel"]
params.n_batch = params.n_ubatch = ask["batch"]
kind = getattr(xllamacpp.ggml_type, "GGML_TYPE_" + ask["kv_type"].upper())
params.cache_type_k = params.cache_type_v = kind
params.cpuparams.n_threads, params.verbosity = 2, 4
params.warmup, params.fit_params, params.no_extra_bufts, params.use_jinja = False, False, True, True
server = xllamacpp.Server(params)
with urllib.request.urlopen(server.listening_address + "/props") as answer:
    props = json.load(answer)
status = open("/proc/self/status").read() if os.path.exists("/proc/self/status") else ""
sys.stderr.flush()
print("\\nLOADED " + json.dumps({"props": props, "status": status}), flush=True)
os._exit(0)
"""
_SIZE: Final = re.compile(r"(?P<buffer>model|KV|compute|output|RS) buffer size =\s+(?P<size>[\d.]+) MiB")


@dataclass(frozen=True)
class Loaded:
    """What the engine said. ``buffers``: bytes of its buffers by kind (model, KV, compute, output, RS)."""

    buffers: dict[str, float]
    props: dict[str, Any]
    resident: int
    """Bytes of the child in memory, 0 where the system does not tell."""


def load(path: Path, *, context: int, parallel: int = 1, batch: int = 128, kv_type: str = "f16") -> Loaded:
    """Load the model in a child; raises AssertionError with the end of its log where it does not load."""
    ask = {"path": str(path), "context": context, "parallel": parallel, "batch": batch, "kv_type": kv_type}
    done = subprocess.run([sys.executable, "-c", _CHILD, json.dumps(ask)], capture_output=True, timeout=60, check=False)
    log = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")
    answer = re.search(r"^LOADED (.*)$", log, re.MULTILINE)
    assert answer is not None, log[-2000:]
    told = json.loads(answer[1])
    buffers: dict[str, float] = {}
    for match in _SIZE.finditer(log):
        buffers[match["buffer"]] = buffers.get(match["buffer"], 0.0) + float(match["size"]) * (1 << 20)
    resident = re.search(r"VmRSS:\s+(\d+) kB", told["status"])
    return Loaded(buffers, told["props"], int(resident[1]) * 1024 if resident else 0)
