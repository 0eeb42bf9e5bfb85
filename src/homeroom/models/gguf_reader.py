"""A window over the bytes of a GGUF header: numbers and strings in order, each checked before it is believed.

Knows sizes, limits and how to step over a vocabulary without fetching all of it; does not know what a header is made
of (``gguf``) nor where the bytes come from (a file, or ``remote``).
"""

from __future__ import annotations

import struct
from typing import Final, Literal, NoReturn, Protocol

from homeroom.errors import BadModelFile

# The largest headers in circulation hold about 60 keys, 2,000 tensors, 800,000 strings, 30 MB.
MAX_HEADER: Final = 128 << 20
MAX_STRINGS: Final = 1 << 21
"""Strings in all arrays together: skipping them is the only work that grows with a count in the file (0.2 s for so many;
fuzzing found twice as many to take more than a second on a busy machine)."""
MAX_KEPT_BYTES: Final = 16 << 20
"""Text that is kept, all of it together."""
_CHUNK: Final = 1 << 20

THRIFTY_PIECE: Final = 1 << 16
_THRIFTY_AHEAD: Final = 2 << 20
"""The most that is asked for at once where bytes are dear."""
_AFTER_LEAP: Final = 3 << 17
_WORTH_A_LEAP: Final = 1 << 19
_LONGEST_TOKEN: Final = 1 << 12
"""Bytes of a token or merge: the longest known (Llama 4, 512 spaces twice, two bytes each) take 2,049."""
_IN_A_ROW: Final = 64
"""So many strings must follow one another for a place in a vocabulary to be taken for the start of one."""
_LONGEST_WALK: Final = 1 << 19
"""Strings from where a leap lands to the array's end: Gemma 4, of 515,000 merges, has 200,000 left."""
_LEAST_MERGE: Final = 11
"""A merge is two tokens and a space, after eight bytes of length."""
_LEAST_TOKEN: Final = 9
_MOST_NAMESPACES: Final = 8


class Readable(Protocol):
    """What a header is read from: any binary stream that can seek."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...


def plain(text: str, longest: int = 200) -> str:
    """*text* out of a file as people may see it: no control or formatting characters, which could move a terminal's
    cursor or turn the direction of writing, and no more than *longest* of it."""
    seen = "".join(sign if sign.isprintable() else "\ufffd" for sign in text[:longest])
    return seen + "\u2026" if len(text) > longest else seen


def bad_file(key: str, path: object, /, **facts: object) -> BadModelFile:
    """The error ``gguf.KEY``, in which text out of the file is made fit to be shown."""
    told = {name: plain(value) if isinstance(value, str) else value for name, value in facts.items()}
    return BadModelFile(f"gguf.{key}", path=path, **told)


def reason(error: Exception) -> str:
    """What the system says of *error*, without the path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class Reader:
    """A window of at most a few MB over the header: bytes, numbers and strings in order, each checked first.

    *thrifty* is for bytes that travel: it asks for little more than it needs, and with *leaps* steps over what a large
    vocabulary is certain to take. ``leapt`` tells whether it did: then not every string was seen, and a header that
    turns out to be wrong is to be read again in full before it is called so.
    """

    def __init__(
        self,
        stream: Readable,
        size: int,
        path: str,
        *,
        thrifty: bool = False,
        leaps: bool = False,
        piece: int = THRIFTY_PIECE,
    ) -> None:
        self.path = path
        self.size = size
        self.limit = min(size, MAX_HEADER)
        self.order: Literal["<", ">"] = "<"
        self.strings = 0
        self.kept = 0
        self.thrifty = thrifty
        self.leaps = thrifty and leaps
        self.leapt = False
        self.namespaces: set[bytes] = set()
        """How the keys so far begin, with the dot: ``tokenizer.``"""
        self.chunk = piece if thrifty else _CHUNK
        self._stream = stream
        self._buffer = b""
        self._base = 0
        self._at = 0

    @property
    def at(self) -> int:
        """The byte of the file that is read next."""
        return self._base + self._at

    def fail(self, key: str, /, **facts: object) -> NoReturn:
        raise bad_file(key, self.path, **facts)

    def need(self, count: int, what: str) -> None:
        """Refuse to go on where *count* more bytes are not in the file, or not in a header of sane size."""
        if count > self.size - self.at:
            self.fail("cut_off", what=what, at=self.at, needed=count, left=self.size - self.at)
        if count > self.limit - self.at:
            self.fail("too_large", what=what, at=self.at, limit=MAX_HEADER)

    def take(self, count: int, what: str) -> bytes:
        """The next *count* bytes."""
        self.need(count, what)
        self._fill(count, what)
        start = self._at
        self._at += count
        return self._buffer[start : self._at]

    def skip(self, count: int, what: str) -> None:
        self.need(count, what)
        self._at += count

    def number(self, form: str, what: str) -> int:
        """The next whole number, *form* being a letter of ``struct``."""
        form = self.order + form
        return int(struct.unpack(form, self.take(struct.calcsize(form), what))[0])

    def string(self, limit: int, what: str, errors: Literal["strict", "replace"] = "strict") -> str:
        """A string: its length (64 bits) and UTF-8."""
        at = self.at
        length = self.number("Q", what)
        if length > limit:
            self.need(length, what)
            self.fail("long_string", what=what, at=at, length=length, limit=limit)
        self.kept += length
        if self.kept > MAX_KEPT_BYTES:
            self.fail("too_large", what=what, at=at, limit=MAX_KEPT_BYTES)
        try:
            return self.take(length, what).decode("utf-8", errors)
        except UnicodeDecodeError:
            self.fail("bad_utf8", what=what, at=at + 8)

    def skip_strings(self, count: int, what: str) -> None:
        """Step over *count* strings; what they hold (a vocabulary has partial UTF-8) is not looked at."""
        self.need(8 * count, what)
        self._counted(count, what)
        unpack = struct.Struct(self.order + "Q").unpack_from
        start, total = self.at, count
        while count:
            self._fill(8, what, self._ahead(self.at - start, total, count))
            buffer, at, last = self._buffer, self._at, len(self._buffer) - 8
            for left in range(count, 0, -1):
                if at > last:
                    count = left
                    break
                at += 8 + unpack(buffer, at)[0]
            else:
                count = 0
            self._at = at
            if self.at > self.size:
                self.fail("cut_off", what=what, at=self.size, needed=self.at - self.size, left=0)
            self.need(0, what)

    def _counted(self, count: int, what: str) -> None:
        self.strings += count
        if self.strings > MAX_STRINGS:
            self.fail("too_many", what=what, at=self.at, count=self.strings, limit=MAX_STRINGS)

    def _ahead(self, passed: int, total: int, left: int) -> int:
        """Bytes that *left* strings take: those before took *passed*, or else at least their lengths."""
        if not self.thrifty:
            return 0
        each = passed / (total - left) if left < total else 8
        return min(int(left * each), _THRIFTY_AHEAD)

    def leap_strings(self, count: int, what: str) -> bool:
        """Step over *count* strings of which most are never fetched; False where that is not worth it.

        From the array's start this jumps as far as so many strings take at the very least, finds the start of a string
        there, and walks on until one looks like a key. A token could: whoever leaps must check all that comes after.
        """
        least = count * (_LEAST_MERGE if what.endswith("merges") else _LEAST_TOKEN)
        target = self.at + least
        if not self.leaps or target - self._base - len(self._buffer) < _WORTH_A_LEAP:
            return False
        if len(self.namespaces) > _MOST_NAMESPACES:
            return False
        follows = tuple(self.namespaces)
        self.need(least, what)
        self._counted(count, what)
        self.leapt = True
        self._at += least
        self._land(what)
        unpack = struct.Struct(self.order + "Q").unpack_from
        kind = struct.Struct(self.order + "I").unpack_from
        walk = min(count, _LONGEST_WALK)  # what is left of the array has no more strings than all of it
        while walk:
            self._fill(2 * _LONGEST_TOKEN, what, _AFTER_LEAP)
            buffer, at = self._buffer, self._at
            last = len(buffer) - _LONGEST_TOKEN - 16
            for left in range(walk, -1, -1):
                walk = left
                if at > last:
                    break
                length = unpack(buffer, at)[0]
                if length >= _LONGEST_TOKEN:
                    self._at = at
                    self.fail("cut_off", what=what, at=self.at, needed=length, left=self.size - self.at)
                end = at + 8 + length
                if buffer.startswith(follows, at + 8) and kind(buffer, end)[0] <= 12:
                    self._at = at
                    return True
                at = end
            self._at = at
            self.need(0, what)
        raise bad_file("cut_off", self.path, what=what, at=self.at, needed=8, left=self.size - self.at)

    def _land(self, what: str) -> None:
        """From somewhere in an array of strings to the start of one of them."""
        self._fill(min(_AFTER_LEAP, self.size - self.at), what)
        unpack = struct.Struct(self.order + "Q").unpack_from
        buffer = self._buffer
        for start in range(self._at, min(self._at + 2 * _LONGEST_TOKEN, len(buffer))):
            at = start
            for _ in range(_IN_A_ROW):
                length = unpack(buffer, at)[0] if at + 8 <= len(buffer) else 0
                if not 0 < length < _LONGEST_TOKEN:
                    break
                at += 8 + length
            else:
                self._at = start
                return
        self.fail("cut_off", what=what, at=self.at, needed=8, left=self.size - self.at)

    def _fill(self, count: int, what: str, ahead: int = 0) -> None:
        """Have *count* bytes at hand in the window; fetch *ahead* bytes where any have to be fetched."""
        if len(self._buffer) - self._at >= count:
            return
        start = self.at
        if count > self.size - start:
            self.fail("cut_off", what=what, at=min(start, self.size), needed=count, left=max(0, self.size - start))
        kept = self._buffer[self._at :] if self._at < len(self._buffer) else b""
        wanted = min(max(count, self.chunk, ahead), self.size - start) - len(kept)
        parts = [kept]
        try:
            self._stream.seek(start + len(kept))
            while wanted > 0 and (part := self._stream.read(wanted)):
                parts.append(part)
                wanted -= len(part)
        except (OSError, ValueError) as error:
            self.fail("unreadable", reason=reason(error))
        self._buffer, self._base, self._at = b"".join(parts), start, 0
        if len(self._buffer) < count:  # the file became shorter while it was read
            self.fail("cut_off", what=what, at=start, needed=count, left=len(self._buffer))
