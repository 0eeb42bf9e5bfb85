"""The hubs' own clients, unmodified, as users run them: each in a process and a home of its own, against a hub on loopback.

What they leave in that home is laid out as on every user's machine: fixtures of their caches are made with this.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from support.hub_server import HubServer

_HUGGING_FACE = """
import json, sys
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
url, repository, names, token = json.loads(sys.argv[1])
api = HfApi(endpoint=url, token=token or False)
try:
    info = api.model_info(repository)
    tree = [
        {"path": item.path, "size": item.size, "sha256": item.lfs.sha256 if item.lfs else None}
        for item in api.list_repo_tree(repository, recursive=True) if hasattr(item, "size")
    ]
    paths = [api.hf_hub_download(repository, name) for name in names]
    print(json.dumps({"sha": info.sha, "names": [one.rfilename for one in info.siblings], "tree": tree, "paths": paths}))
except HfHubHTTPError as error:
    print(json.dumps({"error": type(error).__name__}))
"""

_MODELSCOPE = """
import json, sys
from modelscope.hub.api import HubApi
from modelscope.hub.file_download import model_file_download
from modelscope.hub.snapshot_download import snapshot_download
url, repository, names, token = json.loads(sys.argv[1])
try:
    if names:
        paths = [
            model_file_download(repository, name, revision="master", endpoint=url, token=token or None) for name in names
        ]
    else:
        paths = [snapshot_download(repository, revision="master", endpoint=url, token=token or None)]
    print(json.dumps({"paths": paths}))
except Exception as error:
    print(json.dumps({"error": type(error).__name__, "said": str(error)}))
"""

_ORAS = """
import json, sys
from pathlib import Path
from oras.client import OrasClient
host, name, tag, folder = json.loads(sys.argv[1])
client = OrasClient(hostname=host, insecure=True)
target = f"{host}/{name}:{tag}"
manifest = client.get_manifest(target, allowed_media_type=["application/vnd.docker.distribution.manifest.v2+json"])
container = client.get_container(target)
paths = {}
for layer in manifest["layers"]:
    path = Path(folder) / layer["digest"].replace(":", "-")
    client.download_blob(container, layer["digest"], str(path))
    paths[layer["mediaType"]] = str(path)
print(json.dumps({"manifest": manifest, "paths": paths}))
"""


async def hugging_face(hub: HubServer, repository: str, *names: str, home: Path, token: str = "") -> dict[str, Any]:
    """List *repository* with huggingface_hub and fetch *names* into the cache of *home*: ``sha``, ``names``, ``tree``,
    ``paths``; or ``error``. The cache is ``home/.cache/huggingface/hub``."""
    return await _run(_HUGGING_FACE, [hub.url, repository, names, token], home)


async def modelscope(hub: HubServer, repository: str, *names: str, home: Path, token: str = "") -> dict[str, Any]:
    """Fetch *names* of *repository* (without: all of it) with modelscope into the cache of *home*: ``paths``; or ``error``.
    The cache is ``home/.cache/modelscope``."""
    return await _run(_MODELSCOPE, [hub.url, repository, names, token], home)


async def oras(hub: HubServer, name: str, tag: str, *, home: Path) -> dict[str, Any]:
    """Fetch a model of the registry with oras, a client of the distribution protocol: ``manifest``, and ``paths`` by media
    type, in *home*."""
    host = hub.url.removeprefix("http://")
    return await _run(_ORAS, [host, name, tag, str(home)], home)


async def _run(program: str, about: list[Any], home: Path) -> dict[str, Any]:
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "MODELSCOPE_", "XDG_"))
    }
    environment |= {"HOME": str(home), "USERPROFILE": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "*"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        json.dumps(about),
        env=environment,
        cwd=home,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-3000:]
    answer: dict[str, Any] = json.loads(out.decode().strip().splitlines()[-1])
    return answer
