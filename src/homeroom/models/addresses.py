"""Addresses as people may see them, and the server that a token is for.

Pure, and light: whoever reads a name needs it at start-up. Does not know how anything is fetched (``http``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from yarl import URL

_TOKEN: Final = re.compile(r"(?=[^/]*\d)[A-Za-z0-9_-]{20,}")
_BARE_TOKEN: Final = re.compile(r"(?=[^/]*\d)(?<![A-Za-z0-9_.-])[A-Za-z0-9]{20,}(?![A-Za-z0-9_.-])")
_TYPED: Final = re.compile(r"(?<=[:/])[^/]*:[^/]*@|(?<=://).*@|[?#].*")
"""User and password, also of an address that a hand got wrong (``https:/user:password@``), and what comes after the path."""
ELSEWHERE: Final = re.compile(r"(hf|ms|ollama):|[A-Za-z][A-Za-z0-9+.-]*://", re.IGNORECASE)
"""How a name begins that means a model somewhere else."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token for the origin of the address *origin*, and for no other. Never part of a repr."""

    origin: str
    secret: str = field(repr=False)
    cookie: str = ""
    """The name of a cookie that carries it as well, for a server whose older doors look there."""

    @property
    def headers(self) -> dict[str, str]:
        cookie = {"Cookie": f"{self.cookie}={self.secret}"} if self.cookie else {}
        return {"Authorization": f"Bearer {self.secret}", **cookie}

    def fits(self, url: URL) -> bool:
        """Whether it may go to *url*."""
        from yarl import URL

        return URL(self.origin).origin() == url.origin()


def shown(url: str) -> str:
    """*url* as people may see it: no user, no password, no query, no part of the path that looks like a token."""
    return _without_secrets(url, _TOKEN)


def address(url: str) -> str:
    """*url* as ``shown``, but for a model's: names of models are long and have digits, and are no tokens."""
    return _without_secrets(url, _BARE_TOKEN)


def _without_secrets(url: str, token: re.Pattern[str]) -> str:
    scheme, mark, rest = url.partition("://")
    if not mark or scheme == "file":
        return url
    _, at, rest = rest.rpartition("@")  # the last one: a password may hold any sign where a hand forgot to quote
    parts = re.split(r"[?#]", rest, maxsplit=1)[0].split("/")
    return scheme + mark + ("****@" if at else "") + "/".join(token.sub("****", part) for part in parts)


def typed(words: str) -> str:
    """What was typed for a model, as it may be shown: without the secrets of an address."""
    return _TYPED.sub("", words) if "@" in words or ELSEWHERE.match(words) else words
