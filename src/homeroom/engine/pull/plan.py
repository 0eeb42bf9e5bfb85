"""What a pull would do: the files, where they come from, what they would be here, and what stands against it.

Pure but for the look at the disk's free space. Made by ``pull``; does not know hubs, nor how anything is shown.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from homeroom import text
from homeroom.errors import DoesNotFit, HomeroomError
from homeroom.fit.verdict import Fit
from homeroom.models.remote import RemoteFile
from homeroom.text import Sentence, sentence

if TYPE_CHECKING:
    from homeroom.models.catalogue import Entry
    from homeroom.models.offers import Answer
    from homeroom.models.store import StoredModel

LEAST_SEEN: Final = 1 << 18
"""Bytes below which nothing is said of a rate: they tell of the way to the server and not of its width."""
_OF_A_PULL: Final = {
    "fit.change.kv_type": "pull.change.kv_type",
    "fit.change.context": "pull.change.context",
    "fit.change.quantization": "pull.change.quantization",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file of a model that is to be fetched; ``here`` bytes of it are on this disk already."""

    role: str
    file: RemoteFile
    here: int = 0
    validator: str | None = None
    """The server's word for this version of the file (ETag)."""
    damaged: bool = False
    """Whether what is here is known not to be whole: it is mended in its place."""

    @property
    def rest(self) -> int:
        return max(0, (self.file.size or 0) - self.here)


@dataclass(frozen=True, slots=True)
class PullPlan:
    """One model, as it would be fetched. ``fit`` is judged from the real header; None where that is not known."""

    typed: str
    """The MODEL as it was asked for."""
    name: str
    """What it is called in the store."""
    source: str
    wanted: tuple[Wanted, ...]
    """Every file of it in order, the model's own first; none where it is on this machine and not the store's."""
    fit: Fit | None
    reasons: tuple[Sentence, ...]
    quantization: str = ""
    """As it is called where it is offered."""
    licence: str = ""
    title: str = ""
    answers: tuple[Answer, ...] = ()
    """What sources said that were asked and do not serve."""
    note: str | None = None
    """What the source says of it, in the current language."""
    rate: float | None = None
    """Bytes a second, as seen while the header was read."""
    path: Path | None = None
    """Where it is, if it is here already."""
    stored: StoredModel | None = None
    """The same as the store has it."""
    folder: Path = Path()
    """Where the store keeps its parts."""
    free_bytes: int = 0
    force: bool = False
    entry: Entry | None = None
    flags: str = ""
    """How the choice was narrowed, as it is typed after *typed*."""

    @property
    def again(self) -> str:
        """What to type after ``homeroom pull`` for the same."""
        return f"{shlex.quote(self.typed)}{self.flags}"

    @property
    def quality(self) -> float | None:
        """0 to 100, as the ranking has it; None where nothing is known of the model."""
        from homeroom.fit.advise import candidate
        from homeroom.fit.rank import quality

        if self.fit is None or self.fit.facts.embeds_only:
            return None
        return quality(self.fit.facts, candidate(self.entry).year if self.entry is not None else 0.0)

    @property
    def here(self) -> bool:
        return self.path is not None

    @property
    def bytes(self) -> int:
        """Of all files, as far as it is known."""
        return sum(one.file.size or 0 for one in self.wanted)

    @property
    def download_bytes(self) -> int:
        return 0 if self.here else sum(one.rest for one in self.wanted)

    @property
    def mends(self) -> bool:
        """Whether a file that is here is damaged, and what is wrong of it is fetched again."""
        return any(one.damaged for one in self.wanted)

    @property
    def seconds(self) -> float | None:
        """How long the download would take at ``rate``; None where that is not known."""
        return self.download_bytes / self.rate if self.rate and not self.here else None

    @property
    def too_big(self) -> bool:
        return self.fit is not None and self.fit.verdict == "too-big"

    @property
    def changes(self) -> tuple[Sentence, ...]:
        """What would help where it does not fit, as ``fit`` tells it, with a pull as the command to type."""
        if self.fit is None or not self.too_big:
            return ()
        return tuple(
            sentence(_OF_A_PULL[change.key], **dict(change.facts) | {"again": self.again, "typed": self.typed})
            if change.key in _OF_A_PULL
            else change
            for change in self.fit.changes
        )

    def refusal(self) -> HomeroomError | None:
        """Why it must not be fetched: the machine cannot run it (unless it is forced), or the disk cannot hold it."""
        from homeroom.models.disk import disk_full

        if self.here:
            return None
        if self.fit is not None and self.too_big and not self.force:
            return DoesNotFit(
                "pull.too_big",
                name=self.name,
                again=self.again,
                quantization=self.fit.facts.quantization,
                reason=str(self.fit.reason),
            )
        if self.download_bytes > self.free_bytes:
            return disk_full(self.folder, self.download_bytes)
        return None

    @property
    def _sha256(self) -> str | None:
        """Of the model's one file; None of a split one, or where nobody publishes it."""
        models = [one.file.sha256 for one in self.wanted if one.role == "model"]
        return models[0] if len(models) == 1 else None

    def with_stored(self, stored: StoredModel) -> PullPlan:
        """The plan as it is once *stored* is here."""
        files = [RemoteFile(file.name, "", file.bytes, file.sha256) for file in stored.files]
        wanted = tuple(Wanted(kept.role, file, kept.bytes) for kept, file in zip(stored.files, files, strict=True))
        return replace(self, name=stored.name, wanted=wanted, path=stored.path, stored=stored)

    def row(self) -> dict[str, Any]:
        """For JSON: sizes in bytes, seconds, bytes a second."""
        return {
            "name": self.name,
            "source": self.source,
            "here": self.here,
            "path": None if self.path is None else str(self.path),
            "pulled_at": None if self.stored is None else f"{self.stored.pulled_at:%Y-%m-%dT%H:%M:%SZ}",
            "sha256": self._sha256,
            "fit": None if self.fit is None else self.fit.row(),
            "reason": ("" if text.language() == "zh" else " ").join(str(reason) for reason in self.reasons),
            "quantization": self.quantization or None,
            "quality": None if self.quality is None else round(self.quality, 1),
            "licence": self.licence,
            "files": [
                {"role": one.role, "name": one.file.name, "sha256": one.file.sha256, "bytes": one.file.size}
                for one in self.wanted
            ],
            "bytes": self.bytes,
            "download_bytes": self.download_bytes,
            "rate": None if self.rate is None else round(self.rate),
            "seconds": None if self.seconds is None else round(self.seconds, 1),
            "answers": [{"source": answer.source, "reason": answer.reason} for answer in self.answers],
        }


class Meter:
    """How fast bytes arrive: called with their count so far."""

    def __init__(self, limit: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._first: tuple[float, int] | None = None
        self._last = (0.0, 0)

    def __call__(self, count: int) -> None:
        self._last = (self._clock(), count)
        if self._first is None or count < self._first[1]:  # another header begins
            self._first = self._last

    @property
    def rate(self) -> float | None:
        """Bytes a second from the first that came to the last, at most *limit*; None where too few came."""
        if self._first is None:
            return None
        seconds, count = self._last[0] - self._first[0], self._last[1] - self._first[1]
        if count < LEAST_SEEN or seconds <= 0:
            return None
        rate = count / seconds
        return min(rate, self._limit) if self._limit else rate


def spelled(answers: tuple[Answer, ...]) -> str:
    """What each source answered, in a line each."""
    return "\n".join(text.t("pull.answer", source=answer.source, reason=answer.reason) for answer in answers)
