"""From a plan to a stored model: each file fetched, or mended where a damaged one is in its place, and then named.

Knows the store, its locks and ``models/download``; does not know why these files (``choice``) nor other sources
(``pull``).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from homeroom import text
from homeroom.engine.pull.plan import PullPlan, Wanted
from homeroom.errors import SourceFailure
from homeroom.models.disk import Lock, Sleep
from homeroom.models.gguf_reader import reason
from homeroom.models.modelfile import read as read_modelfile
from homeroom.models.remote import RemoteFile
from homeroom.models.store import Store, StoredModel
from homeroom.models.store.manifest import StoredFile, check_files, plain_file_name

if TYPE_CHECKING:
    from homeroom.models.download.fetching import Pace
    from homeroom.models.http import Client, Network
    from homeroom.models.starter import Progress

LONGEST_LINE: Final = 4096


class Fetcher:
    """Fetches into *store*; *tell* hears where another process is waited for."""

    def __init__(self, store: Store, network: Network, tell: Callable[[str], None], sleep: Sleep) -> None:
        self._store = store
        self._network = network
        self._tell = tell
        self._sleep = sleep

    async def take(self, plan: PullPlan, *, progress: Progress, pace: Pace) -> StoredModel:
        """Fetch every file of *plan* and name the model. Raises NetworkFailure, SourceFailure, DigestMismatch, DiskFull,
        StoreFailure; what has arrived is used by the next call."""
        from homeroom.models.http import Client

        check_files([_stored(one, one.file.sha256 or "0" * 64, one.file.size or 0) for one in plan.wanted])
        self._store.prepare()
        files: dict[int, StoredFile] = {}
        rest = plan.download_bytes
        progress.begin(text.t("pull.fetching", name=plan.name), plan.bytes or None)
        try:
            # Whoever deletes what no model needs leaves all of it while somebody is in the middle of a pull.
            async with self._busy(plan), Client(self._network) as client:
                # What comes with the weights first: where that cannot be understood, the model could not be run.
                for at, one in sorted(enumerate(plan.wanted), key=lambda pair: pair[1].role == "model"):
                    if one.role == "model":
                        self._understood(plan, files.values())
                    rest -= one.rest
                    files[at] = await self._one(client, one, pace, rest, plan.name, _counted(progress))
                return await self._name(plan, [files[at] for at in sorted(files)])
        finally:
            progress.done()

    def _understood(self, plan: PullPlan, files: Iterable[StoredFile]) -> None:
        """Raise SourceFailure where an Ollama model's words and parameters are not what they should be."""
        try:
            read_modelfile((file.role, self._store.blob(file.sha256)) for file in files if file.role != "model")
        except (OSError, ValueError) as error:
            raise SourceFailure("pull.bad_layer", source=plan.source, reason=reason(error)) from error

    async def _one(
        self, client: Client, one: Wanted, pace: Pace, spare: int, name: str, show: Callable[[int, int | None], None]
    ) -> StoredFile:
        """One file, fetched, or mended where a damaged one is in its place; *spare* more bytes are to come after it."""
        from homeroom.models.download import fetching

        file, store = one.file, self._store
        if file.sha256 is not None and file.size is not None and store.blob(file.sha256).is_file():
            if not store.holds(file.sha256, file.size):
                path = store.blob(file.sha256)
                await fetching.mend(
                    client, file, path, partial=store.partial, progress=show, pace=pace, sleep=self._sleep
                )
                store.mark(file.sha256, damaged=False)
            show(file.size, None)
            return _stored(one, file.sha256, file.size)
        got = await fetching.fetch(
            client,
            file,
            blob=store.blob,
            partial=store.partial,
            progress=show,
            pace=pace,
            spare=spare,
            sleep=self._sleep,
            waiting=lambda: self._tell(text.t("pull.waiting", name=name)),
        )
        show(got.size, None)
        return _stored(one, got.sha256, got.size)

    def _busy(self, plan: PullPlan) -> Lock:
        """Tells those who delete that a pull is in progress, and what it needs."""
        path = self._store.partial / f"pull-{os.getpid()}-{id(plan):x}.lock"
        return Lock(path, sleep=self._sleep, note=" ".join(one.file.sha256 or "" for one in plan.wanted).encode())

    async def _name(self, plan: PullPlan, files: Sequence[StoredFile]) -> StoredModel:
        """Write the manifest, while nobody can delete a file that it names."""
        async with AsyncExitStack() as stack:
            for sha256 in sorted({file.sha256 for file in files}):
                await stack.enter_async_context(Lock(self._store.lock(sha256), sleep=self._sleep))
            return self._store.put(plan.name, files, source=plan.source, licence=plan.licence, note=plan.title)


def _stored(one: Wanted, sha256: str, size: int) -> StoredFile:
    return StoredFile(one.role, _plain(one.file.name.rpartition("/")[2]), sha256, size)


def _plain(name: str) -> str:
    """*name* as a file may be called everywhere."""
    if plain_file_name(name):
        return name
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[-200:] or "model.gguf"
    return name if plain_file_name(name) else f"model-{name}"  # what Windows takes for a device


def _counted(progress: Progress) -> Callable[[int, int | None], None]:
    """A file's own count, from zero, as steps of the whole."""
    here = 0

    def show(count: int, _: int | None) -> None:
        nonlocal here
        progress.advance(count - here)
        here = count

    return show


def arrived(store: Store, file: RemoteFile) -> int:
    """Bytes of *file* that are on this disk; of a damaged one all, for it is mended in its place."""
    key = file.sha256 or hashlib.sha256(file.url.encode()).hexdigest()  # as ``download`` calls its part
    for path in (store.blob(key), store.partial / f"{key}.part"):
        try:
            status = path.stat()
        except OSError:
            continue
        # A part has holes: what has arrived is what takes room.
        return min(status.st_size, getattr(status, "st_blocks", 0) * 512 if path.suffix else status.st_size)
    return 0


def damaged(store: Store, file: RemoteFile) -> bool:
    """Whether *file* is in its place on this disk and known not to be whole."""
    if file.sha256 is None or file.size is None:
        return False
    return store.blob(file.sha256).is_file() and not store.holds(file.sha256, file.size)


def validator(table: Path) -> str | None:
    """The server's word for the version that was fetched, as the *table* of its pieces keeps it; None where it does not."""
    try:
        with table.open("rb") as file:
            said = json.loads(file.readline(LONGEST_LINE))["validator"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return said if isinstance(said, str) else None
