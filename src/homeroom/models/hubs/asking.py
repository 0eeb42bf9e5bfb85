"""One question to a hub: JSON of bounded size, asked again where that may help. And what a file of a listing may be called.

Does not know any hub's protocol.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urljoin

from homeroom import text
from homeroom.errors import HomeroomError, SourceFailure
from homeroom.models.addresses import Token, address
from homeroom.models.disk import Sleep
from homeroom.models.http import HTTP_ERRORS, Client
from homeroom.models.hub_names import DEFAULTS, SERVER_SETTINGS, TITLES
from homeroom.models.remote import RemoteFile, Traffic, refusal, retry_after, told

LARGEST_LISTING: Final = 4 << 20
LARGEST_OBJECT: Final = 2 << 20
_SHA256: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_FORBIDDEN: Final = re.compile(r'[\\:*?"<>|]')
"""In a file's name: what leads elsewhere, or is no part of a name, on one of the systems that we run on."""
_RETRIES: Final = 2
_LONGEST_PAUSE: Final = 10.0


class Asker:
    """Asks a hub for JSON. *source* is what the user calls the model: failures are told of that."""

    def __init__(self, client: Client, traffic: Traffic, sleep: Sleep, source: str) -> None:
        self.challenge = ""
        """``WWW-Authenticate`` of the last answer that was 401."""
        self._source = source
        self._client = client
        self._traffic = traffic
        self._sleep = sleep

    async def object(self, file: RemoteFile, limit: int = LARGEST_OBJECT) -> Mapping[str, Any]:
        """The JSON object that *file* is."""
        answer, _ = await self.json(file.url, limit, token=file.token)
        if not isinstance(answer, dict):
            raise SourceFailure("hubs.bad_answer", url=address(file.url), reason=type(answer).__name__)
        return answer

    async def json(
        self, url: str, limit: int, *, token: Token | None = None, accept: str = "application/json"
    ) -> tuple[Any, str | None]:
        """The answer to GET *url*, and the address of the page after it where there is one."""
        for attempt in range(_RETRIES + 1):
            try:
                async with self._client.get(
                    url, headers={"Accept": accept, "Accept-Encoding": "identity"}, token=token
                ) as response:
                    if response.status != 200:
                        if response.status in (429, 500, 502, 503, 504) and attempt < _RETRIES:
                            asked = retry_after(response)
                            await self._sleep(min(_LONGEST_PAUSE, 2.0**attempt if asked is None else asked))
                            continue
                        if response.status == 401:
                            self.challenge = response.headers.get("WWW-Authenticate", "")
                        raise refusal(response, self._source)
                    link = re.search(r'<([^<>]{1,2000})>\s*;\s*rel="next"', response.headers.get("Link", ""))
                    if response.headers.get("Content-Encoding", "identity") != "identity":
                        # Not asked for, and a little of it may become a lot.
                        raise SourceFailure("hubs.bad_answer", url=address(url), reason="Content-Encoding")
                    content = await self._content(response.content, url, limit)
                    return _parsed(content, url), following(url, link[1]) if link else None
            except SourceFailure as error:
                raise (told(error, url) if error.key.startswith("models.") else error) from None
            except HTTP_ERRORS as error:
                if attempt == _RETRIES:
                    raise of_hub(told(error, url), self._source, url) from error
                await self._sleep(2.0**attempt)
        raise AssertionError("unreachable")

    async def _content(self, body: Any, url: str, limit: int) -> bytes:
        content = bytearray()
        async for piece in body.iter_any():
            content += piece
            self._traffic.add(len(piece), url)
            if len(content) > limit:
                raise SourceFailure("hubs.too_much", url=address(url), limit=text.size(limit))
        return bytes(content)


def of_hub(error: HomeroomError, source: str, url: str = "") -> HomeroomError:
    """*error* with the setting that names another server for the hub of *source*; of an address it stays as it is."""
    hub = source.partition(":")[0]
    if hub not in SERVER_SETTINGS or error.key != "hubs.network":
        return error
    usual = url.startswith(f"{DEFAULTS[hub]}/")
    server = "/".join(url.split("/", 3)[:3])
    about = {"title": TITLES[hub], "setting": SERVER_SETTINGS[hub], "server": address(server), "usual": DEFAULTS[hub]}
    return type(error)("hubs.no_hub" if usual else "hubs.no_mirror", **{**error.facts, **about})


def following(url: str, link: str) -> str:
    """The address that *link* means on the page *url*. Raises SourceFailure where it is none."""
    try:
        return urljoin(url, link)
    except ValueError:
        raise SourceFailure("hubs.bad_answer", url=address(url), reason="Link") from None


def _parsed(content: bytes, url: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceFailure("hubs.bad_answer", url=address(url), reason=type(error).__name__) from None


def listed(answer: Any, url: str) -> list[Any]:
    """*answer* where it is a list. Raises SourceFailure."""
    if not isinstance(answer, list):
        raise SourceFailure("hubs.bad_answer", url=address(url), reason=type(answer).__name__)
    return answer


def listed_file(path: Any, size: Any, sha256: Any) -> RemoteFile | None:
    """A file of a listing; None for one whose name could lead out of the repository or is not fit to be shown."""
    if not isinstance(path, str) or not path.isprintable() or len(path) > 400 or _FORBIDDEN.search(path):
        return None
    if any(part in ("", ".", "..") for part in path.split("/")):
        return None
    whole = size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 1 << 62 else None
    digest = _SHA256.fullmatch(sha256.lower()) if isinstance(sha256, str) else None
    return RemoteFile(path, "", whole, digest[1] if digest else None)
