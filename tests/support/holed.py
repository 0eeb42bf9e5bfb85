"""A file of any length that takes no room: its beginning, and then a pattern that exists only where it is read."""

from __future__ import annotations

import io


class Holed:
    """*content* and then *hole* bytes of *filling* again and again."""

    name = "m.gguf"

    def __init__(self, content: bytes, hole: int = 0, filling: bytes = b"\0") -> None:
        self._content, self._size, self._filling = content, len(content) + hole, filling
        self._at = 0
        self.given = 0
        """Bytes that were read."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset if whence == io.SEEK_SET else self._size + offset
        return self._at

    def read(self, size: int) -> bytes:
        end = min(self._at + size, self._size)
        part = self._content[self._at : end]
        if (count := end - self._at - len(part)) > 0:
            start = (self._at + len(part) - len(self._content)) % len(self._filling)
            part += (self._filling * ((start + count) // len(self._filling) + 1))[start : start + count]
        self._at = max(self._at, end)
        self.given += len(part)
        return part
