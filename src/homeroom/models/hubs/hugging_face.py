"""Repositories of Hugging Face, or of a mirror in its place.

Sources: https://huggingface.co/docs/hub/api and ``hf_api.py`` of huggingface_hub (``list_repo_tree``, ``RepoFile``:
``type``, ``path``, ``size``, ``lfs.oid``, which is the file's SHA-256; a Link header between pages).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import quote

from homeroom.models.hub_names import Endpoints
from homeroom.models.hubs.asking import LARGEST_LISTING, Asker, listed, listed_file
from homeroom.models.remote import RemoteFile

_MOST_PAGES: Final = 16


async def files(asker: Asker, repository: str, ends: Endpoints) -> list[RemoteFile]:
    """``GET /api/models/ORG/REPO/tree/main?recursive=true``: every file of ``ORG/REPO``, pages of other servers left out."""
    quoted, token = quote(repository), ends.token
    url: str | None = f"{ends.hf}/api/models/{quoted}/tree/main?recursive=true"
    found: list[RemoteFile] = []
    for _ in range(_MOST_PAGES):
        if url is None:
            break
        answer, following = await asker.json(url, LARGEST_LISTING, token=token)
        for entry in listed(answer, url):
            if not isinstance(entry, dict) or entry.get("type") != "file":
                continue
            lfs = entry.get("lfs")
            lfs = lfs if isinstance(lfs, dict) else {}
            file = listed_file(entry.get("path"), lfs.get("size", entry.get("size")), lfs.get("oid"))
            if file is not None:
                where = f"{ends.hf}/{quoted}/resolve/main/{quote(file.name)}"
                found.append(replace(file, url=where, token=token))
        url = following if following and following.startswith(f"{ends.hf}/") else None
    return found
