"""What to ask for a part of a file, and what an answer says that it is.

Pure: knows headers, does not know connections nor disks. RFC 9110 sections 13.1.5 (If-Range), 14 (Range), 15.5.17 (416);
RFC 9530 (Content-Digest).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from homeroom.models.download.pieces import Span

WORTH_RETRYING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
EXPIRED: Final = frozenset({400, 401, 403, 404, 410})
"""What a signed address answers with when its time is over."""
_LONGEST_VALIDATOR: Final = 256
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_NOTHING_THERE: Final = re.compile(r"bytes \*/(\d{1,18})")
_SHA_256: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?=,|$)")


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes that an answer holds: from ``start`` to before ``end`` of a file of ``total``, None where it tells none."""

    start: int
    end: int | None
    total: int | None


def request_headers(span: Span | None, validator: str | None) -> dict[str, str]:
    """Ask for *span*, or all for None. *validator* is that of the bytes that are here already."""
    headers = {"Accept-Encoding": "identity"}
    if span is not None:
        headers["Range"] = f"bytes={span.start}-{span.end - 1}"
        headers["Want-Content-Digest"] = "sha-256=1"
        if validator is not None:
            headers["If-Range"] = validator
    return headers


def body(status: int, headers: Mapping[str, str], span: Span | None) -> Body | None:
    """What the answer to a request for *span* holds; None where that is not what was asked for.

    More than was asked for is no obstacle, nor less, if only it begins where it should. An answer in another encoding
    cannot be counted, and of a part it cannot be used.
    """
    encoded = headers.get("Content-Encoding", "identity").lower() != "identity"
    if status == 200:
        length = headers.get("Content-Length", "").strip()
        told = int(length) if re.fullmatch(r"\d{1,18}", length) and not encoded else None
        return Body(0, told, told)
    if status == 416:
        empty = _NOTHING_THERE.fullmatch(headers.get("Content-Range", "").strip())
        return Body(0, 0, 0) if empty and int(empty[1]) == 0 else None
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None or span is None or encoded:
        return None
    start, end, total = int(found[1]), int(found[2]) + 1, None if found[3] == "*" else int(found[3])
    if start != span.start or end <= start or (total is not None and end > total):
        return None
    return Body(start, end, total)


def validator_of(headers: Mapping[str, str]) -> str | None:
    """What tells this version of the file from another, where it can be kept and sent back. If-Range takes strong ones only."""
    etag = headers.get("ETag", "")
    found = etag if etag.startswith('"') else headers.get("Last-Modified", "")
    return found if 0 < len(found) <= _LONGEST_VALIDATOR and found.isascii() and found.isprintable() else None


def content_digest(headers: Mapping[str, str]) -> bytes | None:
    """The SHA-256 that an answer has of its own content."""
    found = _SHA_256.search(headers.get("Content-Digest", ""))
    if found is None:
        return None
    try:
        return base64.b64decode(found[1], validate=True)
    except binascii.Error:
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, where it says so in seconds."""
    asked = headers.get("Retry-After", "").strip()
    return float(asked) if re.fullmatch(r"\d{1,6}", asked) else None
