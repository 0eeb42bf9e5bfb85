"""Repositories of ModelScope.

Sources: the ``modelscope_hub`` package 0.5.1, which ``modelscope`` 1.40 calls: ``_legacy_api.py`` (``list_repo_files``,
``get_download_url``: ``Data.Files[].Path/Size/Sha256/Type``; a token goes as bearer and as cookie ``m_session_id``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import quote, quote_plus

from homeroom.errors import SourceFailure, UnknownModel
from homeroom.models.hub_names import Endpoints
from homeroom.models.hubs.asking import LARGEST_LISTING, Asker, listed, listed_file
from homeroom.models.remote import RemoteFile

_CUT_AT: Final = 3000
"""``REPO_FILES_TRUNCATION_LIMIT``: a listing that has so many entries is cut off there, and does not say so."""


async def files(asker: Asker, repository: str, ends: Endpoints) -> list[RemoteFile]:
    """``GET /api/v1/models/ORG/REPO/repo/files``: every file of ``ORG/REPO``.

    Raises SourceFailure for a listing that the server has cut off: half a model could be in it.
    """
    quoted, token = quote(repository), ends.ms_token
    base = f"{ends.ms}/api/v1/models/{quoted}/repo"
    url = f"{base}/files?Revision=master&Recursive=true"
    answer, _ = await asker.json(url, LARGEST_LISTING, token=token)
    data = answer.get("Data") if isinstance(answer, dict) else None
    if isinstance(answer, dict) and answer.get("Code") in (404, "404"):
        raise UnknownModel("hubs.not_there", url=f"ms:{repository}")
    entries = listed(data.get("Files") if isinstance(data, dict) else None, url)
    if len(entries) >= _CUT_AT:
        raise SourceFailure("hubs.too_many", url=f"ms:{repository}", most=f"{_CUT_AT - 1:,}")
    found: list[RemoteFile] = []
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("Type") == "tree":
            continue
        file = listed_file(entry.get("Path"), entry.get("Size"), entry.get("Sha256"))
        if file is not None:
            # What everybody's browser and wget take; the package's own way is known to heed a token.
            where = f"{ends.ms}/models/{quoted}/resolve/master/{quote(file.name)}"
            where = f"{base}?Revision=master&FilePath={quote_plus(file.name)}" if token else where
            found.append(replace(file, url=where, token=token))
    return found
