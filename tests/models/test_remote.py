"""A header that is elsewhere: how few bytes travel, and what a server may do that must not end in a wrong answer."""

from __future__ import annotations

import asyncio
import struct
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeroom.errors import BadModelFile, HomeroomError, NetworkFailure, SourceFailure, UnknownModel
from homeroom.models.addresses import Token, address
from homeroom.models.gguf import read_header
from homeroom.models.http import Client, Network
from homeroom.models.inspect import inspect
from homeroom.models.remote import (
    FIRST_PIECE,
    RemoteFile,
    RemoteHeader,
    Traffic,
    files_at,
    inspect_remote,
    read_headers,
)
from support.gguf_writer import TensorLine, Value, write_gguf
from support.hub_server import HubServer
from support.hub_server import head as head_of

MB = 10**6
PROMISED = 12 * MB
"""What the header of any model may cost."""


@pytest.fixture
async def hub() -> AsyncIterator[HubServer]:
    async with HubServer() as server:
        yield server


async def no_wait(seconds: float) -> None:
    """Sleep that takes no time."""


async def read(*files: RemoteFile, timeout: float = 5, seconds: float = 30, limit: int = 32 << 20) -> RemoteHeader:
    async with Client(Network(timeout=timeout)) as client:
        return await read_headers(client, files, traffic=Traffic(limit), seconds=seconds, sleep=no_wait)


async def refused(
    *files: RemoteFile, key: str, kind: type[HomeroomError] = SourceFailure, **how: float
) -> HomeroomError:
    """The error that reading *files* ends in: *key*, told in both languages, with nothing secret in it."""
    with pytest.raises(kind) as caught:
        await read(*files, **how)  # type: ignore[arg-type]
    assert caught.value.key == key
    assert caught.value.next
    assert "s3cr3t" not in str(caught.value)
    return caught.value


def file(hub: HubServer, content: Path | bytes, name: str = "m.gguf") -> RemoteFile:
    return RemoteFile(name, hub.publish("org/repo", name, content))


# What it costs.


async def test_the_starter_is_the_same_from_elsewhere(hub: HubServer, starter_path: Path) -> None:
    remote = await read(file(hub, starter_path))
    assert remote.headers == (read_header(starter_path),)
    assert remote.file_bytes == (starter_path.stat().st_size,)
    assert remote.traffic_bytes == hub.sent < read_header(starter_path).data_offset + FIRST_PIECE


async def test_of_a_large_vocabulary_less_than_half_travels(hub: HubServer, gemma_path: Path) -> None:
    remote = await read(file(hub, gemma_path))
    assert remote.headers == (read_header(gemma_path),)
    assert remote.traffic_bytes == hub.sent < read_header(gemma_path).data_offset / 2  # 2.6 of 6.5 MB, of a file of 253
    assert remote.etags[0] is not None


async def test_facts_are_those_of_the_file_but_for_where_it_is(hub: HubServer, gemma_path: Path) -> None:
    async with Client(Network()) as client:
        facts, remote = await inspect_remote(client, files_at(file(hub, gemma_path, "gemma-3-270m.gguf").url))
    there = inspect(gemma_path)
    assert facts.name == "gemma-3-270m" and facts.paths == () and facts.sha256 is None
    for field in ("architecture", "parameters", "layers", "weights", "vocabulary", "quantization", "file_bytes"):
        assert getattr(facts, field) == getattr(there, field)
    assert remote.traffic_bytes == hub.sent


@pytest.fixture(scope="module")
def largest(tmp_path_factory: pytest.TempPathFactory, gemma_path: Path) -> Path:
    """A header as large as any: Gemma's 262,144 tokens with scores and types, 514,906 merges, 1,400 tensors."""
    head = head_of(gemma_path, read_header(gemma_path).data_offset)
    at = head.index(b"tokenizer.ggml.tokens") + 37
    tokens = []
    for _ in range(262_144):
        (length,) = struct.unpack_from("<Q", head, at)
        tokens.append(head[at + 8 : at + 8 + length])
        at += 8 + length
    merges = [pair for token in tokens if len(token) > 1 for pair in (token[:1] + b" " + token[1:], token[:-1] + b" x")]
    metadata: dict[str, Value] = {
        "general.architecture": "gemma4",
        "tokenizer.ggml.tokens": tokens,  # type: ignore[dict-item]
        "tokenizer.ggml.scores": [0.0] * len(tokens),
        "tokenizer.ggml.token_type": [1] * len(tokens),
        "tokenizer.ggml.merges": merges[:514_906],  # type: ignore[dict-item]
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.chat_template": "x" * 20_000,
    }
    tensors: list[TensorLine] = [(f"blk.{n // 20}.part{n % 20}.weight", (256, 256), 12) for n in range(1400)]
    return write_gguf(tmp_path_factory.mktemp("largest") / "m.gguf", metadata, tensors)


async def test_the_largest_header_costs_what_was_promised(hub: HubServer, largest: Path) -> None:
    header = read_header(largest)
    assert header.data_offset > PROMISED
    remote = await read(file(hub, largest))
    assert remote.headers == (header,)
    assert remote.traffic_bytes == hub.sent < 8 * MB < PROMISED
    assert len(hub.asked) < 30


async def test_a_leap_that_goes_wrong_is_made_good_by_reading_all(hub: HubServer, tmp_path: Path) -> None:
    """Tokens that look like the key after them: only the whole array tells."""
    tokens = [b"general.purpose" if n % 7 == 0 else b"\x03" * 15 for n in range(120_000)]
    path = write_gguf(tmp_path / "m.gguf", {"general.a": 1, "t": tokens, "general.b": 2}, [("x", (32,), 0)])  # type: ignore[dict-item]
    remote = await read(file(hub, path))
    assert remote.headers == (read_header(path),)
    assert remote.traffic_bytes == hub.sent


@pytest.mark.parametrize("big_endian", [False, True])
async def test_a_small_file_is_one_request(hub: HubServer, tmp_path: Path, big_endian: bool) -> None:
    path = write_gguf(tmp_path / "m.gguf", {"a": 1}, [("x", (32,), 0)], big_endian=big_endian)
    remote = await read(file(hub, path))
    assert remote.headers == (read_header(path),)
    assert [one.server for one in hub.asked] == ["hub", "files"]


# Redirects and secrets.


async def test_the_signed_address_is_used_again(hub: HubServer, gemma_path: Path) -> None:
    await read(file(hub, gemma_path))
    assert len(hub.requests("hub")) == 1
    assert len(hub.requests("files")) > 3


async def test_a_signed_address_that_is_over_is_asked_for_anew(hub: HubServer, gemma_path: Path) -> None:
    hub.behaviour.signature_lasts = 3
    remote = await read(file(hub, gemma_path))
    assert remote.headers == (read_header(gemma_path),)
    assert 1 < len(hub.requests("hub")) < 6


async def test_a_token_goes_to_its_own_server_only(hub: HubServer, starter_path: Path) -> None:
    hub.behaviour.token = "hf_s3cr3t"
    there = file(hub, starter_path)
    await read(RemoteFile(there.name, there.url, token=Token(hub.url, "hf_s3cr3t")))
    assert {one.authorization for one in hub.requests("hub")} == {"Bearer hf_s3cr3t"}
    assert {one.authorization for one in hub.requests("files")} == {""}
    assert "hf_s3cr3t" not in repr(Token(hub.url, "hf_s3cr3t"))


async def test_no_token_goes_to_a_server_that_it_is_not_for(hub: HubServer, starter_path: Path) -> None:
    there = file(hub, starter_path)
    await read(
        RemoteFile(there.name, there.url, token=Token(hub.store_url.replace("127.0.0.1", "localhost"), "secret"))
    )
    assert {one.authorization for one in hub.asked} == {""}


async def test_every_request_names_its_range_and_wants_it_plain(hub: HubServer, gemma_path: Path) -> None:
    await read(file(hub, gemma_path))
    assert all(one.range.startswith("bytes=") and one.headers["Accept-Encoding"] == "identity" for one in hub.asked)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://u:p@h/org/DeepSeek-R1-Distill-Qwen-7B-GGUF/x-Q4_K_M-00001-of-00009.gguf?X=1#f",
         "https://****@h/org/DeepSeek-R1-Distill-Qwen-7B-GGUF/x-Q4_K_M-00001-of-00009.gguf"),
        ("https://h/dl/0123456789abcdefABCDEF0123456789/m.gguf", "https://h/dl/****/m.gguf"),
    ],
)  # fmt: skip
def test_a_model_s_address_is_shown_by_its_names_and_without_secrets(url: str, seen: str) -> None:
    assert address(url) == seen


# Servers that are not as they should be.


async def test_without_ranges_the_file_is_read_no_further_than_its_header(hub: HubServer, gemma_path: Path) -> None:
    hub.behaviour.ranges = False
    remote = await read(file(hub, gemma_path))
    offset = read_header(gemma_path).data_offset
    assert remote.headers == (read_header(gemma_path),)
    assert remote.traffic_bytes < offset + FIRST_PIECE + 2 * 82_528
    await asyncio.sleep(0.1)
    assert hub.sent < 40 * MB  # what the sockets held when the connection was closed; the file has 253 MB


async def test_a_server_may_send_less_than_was_asked_for(hub: HubServer, starter_path: Path) -> None:
    hub.behaviour.most = 50_000
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with Client(Network()) as client:
        remote = await read_headers(client, [file(hub, starter_path)], sleep=sleep)
    assert remote.headers == (read_header(starter_path),)
    assert slept == []


async def test_what_a_server_sends_beyond_the_range_is_not_taken(hub: HubServer, starter_path: Path) -> None:
    hub.behaviour.more = True
    remote = await read(file(hub, starter_path))
    assert remote.headers == (read_header(starter_path),)
    assert remote.traffic_bytes < read_header(starter_path).data_offset + FIRST_PIECE


async def test_a_cut_is_mended(hub: HubServer, gemma_path: Path) -> None:
    hub.behaviour.cuts = deque([10_000, -1, 100_000, 0])
    remote = await read(file(hub, gemma_path))
    assert remote.headers == (read_header(gemma_path),)


async def test_one_that_always_cuts_is_given_up(hub: HubServer, gemma_path: Path) -> None:
    hub.behaviour.cuts = deque([0] * 9)
    await refused(file(hub, gemma_path), key="hubs.network", kind=NetworkFailure)
    assert len(hub.requests("files")) == 3


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_trouble_that_passes_is_waited_for(hub: HubServer, starter_path: Path, status: int) -> None:
    hub.behaviour.statuses = deque([status, 200, status])
    assert (await read(file(hub, starter_path))).headers == (read_header(starter_path),)


@pytest.mark.parametrize(
    ("status", "key", "kind"),
    [
        (401, "hubs.forbidden", SourceFailure),
        (403, "hubs.forbidden", SourceFailure),
        (404, "hubs.not_there", UnknownModel),
        (410, "hubs.not_there", UnknownModel),
        (429, "hubs.busy", SourceFailure),
        (451, "hubs.refused", SourceFailure),
        (500, "hubs.refused", SourceFailure),
        (503, "hubs.refused", SourceFailure),
    ],
)
async def test_refusals(hub: HubServer, starter_path: Path, status: int, key: str, kind: type[HomeroomError]) -> None:
    hub.behaviour.redirect = False
    hub.behaviour.statuses = deque([status] * 4)
    hub.behaviour.retry_after = "7"
    error = await refused(file(hub, starter_path), key=key, kind=kind)
    if status == 429:
        assert "7.0 s" in str(error)
    assert len(hub.asked) == (3 if status in (429, 500, 503) else 1)


async def test_nothing_there(hub: HubServer) -> None:
    await refused(RemoteFile("x.gguf", f"{hub.url}/files/org/none/x.gguf"), key="hubs.not_there", kind=UnknownModel)


async def test_gated(hub: HubServer, starter_path: Path) -> None:
    hub.behaviour.gated = True
    error = await refused(file(hub, starter_path), key="hubs.gated")
    assert "HF_TOKEN" in str(error)


async def test_a_page_in_place_of_the_file(hub: HubServer) -> None:
    hub.behaviour.kind = "text/html; charset=utf-8"
    await refused(file(hub, b"<!DOCTYPE html>"), key="hubs.not_a_file")


@pytest.mark.parametrize("encoding", ["gzip", "br", "x-anything"])
async def test_an_encoded_file(hub: HubServer, encoding: str) -> None:
    hub.behaviour.encoding = encoding
    key = "hubs.encoded"
    with pytest.raises(SourceFailure) as caught:
        await read(file(hub, b"GGUF" * 10))
    assert caught.value.key in (key, "hubs.bad_answer")  # what the HTTP library cannot decode it refuses itself


async def test_another_part_than_was_asked_for(hub: HubServer, starter_path: Path) -> None:
    hub.behaviour.shift = 7
    await refused(file(hub, starter_path), key="hubs.bad_range")


async def test_a_size_that_is_not_the_listed_one(hub: HubServer, starter_path: Path) -> None:
    there = file(hub, starter_path)
    await refused(RemoteFile(there.name, there.url, size=1234), key="models.wrong_size")


async def test_a_size_that_nobody_tells(hub: HubServer, starter_path: Path) -> None:
    hub.behaviour.total = "*"
    there = file(hub, starter_path)
    await refused(there, key="hubs.no_size")
    listed = RemoteFile(there.name, there.url, size=starter_path.stat().st_size)
    assert (await read(listed)).headers == (read_header(starter_path),)


async def test_no_ranges_and_no_length(hub: HubServer, starter_path: Path) -> None:
    hub.behaviour.ranges = hub.behaviour.length = False
    await refused(file(hub, starter_path), key="hubs.no_size")


async def test_a_file_that_is_replaced_meanwhile(hub: HubServer, gemma_path: Path) -> None:
    hub.behaviour.etags = deque(['"one"', '"one"', '"two"'])
    await refused(file(hub, gemma_path), key="hubs.changed")


@pytest.mark.parametrize("ranges", [True, False])
async def test_a_size_that_is_a_lie_is_a_file_that_is_cut_off(hub: HubServer, starter_path: Path, ranges: bool) -> None:
    hub.behaviour.ranges = ranges
    hub.behaviour.total = "5000000"
    error = await refused(file(hub, starter_path), key="gguf.truncated", kind=BadModelFile)
    assert "127.0.0.1" in str(error)


async def test_a_body_shorter_than_its_length(hub: HubServer, starter_path: Path) -> None:
    hub.behaviour.ranges = False
    hub.behaviour.cuts = deque([70_000])
    await refused(file(hub, starter_path), key="hubs.network", kind=NetworkFailure)


async def test_an_upload_that_was_cut_off(hub: HubServer, starter_path: Path) -> None:
    await refused(file(hub, head_of(starter_path, 3 * MB)), key="gguf.truncated", kind=BadModelFile)


async def test_an_empty_file(hub: HubServer) -> None:
    await refused(file(hub, b""), key="gguf.empty", kind=BadModelFile)


async def test_no_gguf_at_all(hub: HubServer) -> None:
    error = await refused(file(hub, b"\x1b[31mPK" + bytes(99)), key="gguf.not_gguf", kind=BadModelFile)
    assert "\x1b" not in str(error)


async def test_an_endless_header_is_left_alone(hub: HubServer, tmp_path: Path) -> None:
    """A vocabulary of 2,000,000 tokens of nothing, then another: in the hole of a sparse file."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 4)
    head += struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 0, 20 * MB) + bytes(20 * MB)
    head += struct.pack("<Q", 1) + b"l" + struct.pack("<IIQ", 9, 8, 2 * MB)
    path = tmp_path / "m.gguf"
    path.write_bytes(head)
    with path.open("r+b") as sparse:
        sparse.truncate(200 * MB)
    await refused(file(hub, path), key="hubs.too_much", limit=12 << 20)
    assert hub.sent < 13 << 20


async def test_a_server_that_says_nothing(hub: HubServer, starter_path: Path) -> None:
    hub.behaviour.silence = 9
    started = time.monotonic()
    await refused(file(hub, starter_path), key="hubs.network", kind=NetworkFailure, timeout=0.2)
    assert time.monotonic() - started < 5


async def test_a_server_that_drips(hub: HubServer, gemma_path: Path) -> None:
    hub.behaviour.rate = 400_000
    started = time.monotonic()
    await refused(file(hub, gemma_path), key="hubs.slow", kind=NetworkFailure, seconds=0.5)
    assert time.monotonic() - started < 3


async def test_who_waits_can_give_up(hub: HubServer, gemma_path: Path) -> None:
    hub.behaviour.rate = 100_000
    task = asyncio.create_task(read(file(hub, gemma_path)))
    await asyncio.sleep(0.3)
    task.cancel()
    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 1


async def test_nobody_there() -> None:
    await refused(RemoteFile("m.gguf", "http://127.0.0.1:9/m.gguf"), key="hubs.network", kind=NetworkFailure)


@pytest.mark.parametrize(
    ("leads", "key"),
    [("{here}", "hubs.redirects"), ("ftp://host/x?s3cr3t", "hubs.bad_url"), ("http://[", "hubs.bad_answer")],
)
async def test_redirects_that_lead_nowhere(hub: HubServer, leads: str, key: str) -> None:
    there = file(hub, b"GGUF")
    hub.behaviour.elsewhere = leads.format(here=there.url)
    await refused(there, key=key)
    assert len(hub.asked) <= 10


# Split models.


def split(folder: Path, count: int) -> list[Path]:
    """A model in *count* files, the first of which has the metadata."""
    paths = []
    for number in range(count):
        metadata: dict[str, Value] = {"split.no": number, "split.count": count, "split.tensors.count": count}
        if number == 0:
            usual = {"block_count": 1, "context_length": 64, "embedding_length": 32, "attention.head_count": 1}
            metadata |= {"general.architecture": "x"} | {f"x.{key}": value for key, value in usual.items()}
        name = f"big q-{number + 1:05d}-of-{count:05d}.gguf"
        paths.append(write_gguf(folder / name, metadata, [(f"blk.0.part{number}.weight", (32, 32), 0)]))
    return paths


async def test_all_shards_by_the_name_of_one(hub: HubServer, tmp_path: Path) -> None:
    for path in split(tmp_path, 9):
        hub.publish("org/repo", path.name, path)
    files = files_at(f"{hub.url}/files/org/repo/big%20q-00004-of-00009.gguf?download=true")
    assert len(files) == 9 and files[0].url.endswith("/big%20q-00001-of-00009.gguf?download=true")
    async with Client(Network()) as client:
        facts, remote = await inspect_remote(client, files)
    assert facts.name == "big q"
    assert facts.parameters == 9 * 32 * 32
    assert facts.file_bytes == sum(remote.file_bytes) == sum(path.stat().st_size for path in tmp_path.iterdir())


async def test_hundreds_of_shards_cost_what_was_promised(hub: HubServer, tmp_path: Path) -> None:
    for path in split(tmp_path, 200):
        with path.open("r+b") as sparse:
            sparse.truncate(MB)
        hub.publish("org/repo", path.name, path)
    hub.behaviour.redirect = False
    remote = await read(*files_at(f"{hub.url}/files/org/repo/big%20q-00001-of-00200.gguf"))
    assert len(remote.headers) == 200
    assert remote.traffic_bytes == hub.sent < PROMISED / 3


async def test_a_shard_that_is_not_there(hub: HubServer, tmp_path: Path) -> None:
    for path in split(tmp_path, 3)[:2]:
        hub.publish("org/repo", path.name, path)
    files = files_at(f"{hub.url}/files/org/repo/big%20q-00001-of-00003.gguf")
    await refused(*files, key="hubs.not_there", kind=UnknownModel)


async def test_shards_that_do_not_belong_together(hub: HubServer, tmp_path: Path) -> None:
    first, second = split(tmp_path, 2)
    hub.publish("org/repo", first.name, first)
    hub.publish("org/repo", second.name, first)
    async with Client(Network()) as client:
        with pytest.raises(BadModelFile) as caught:
            await inspect_remote(client, files_at(f"{hub.url}/files/org/repo/{first.name}"))
    assert caught.value.key == "gguf.wrong_shard"


@pytest.mark.parametrize("url", ["https://host/", "https://host", "https://host/folder/", "https://host/%00.gguf"])
def test_an_address_without_a_file(url: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        files_at(url)
    assert caught.value.key == "hubs.no_file_name"


def test_a_number_of_shards_that_nobody_has() -> None:
    assert len(files_at("https://host/m-00001-of-99999.gguf")) == 1
    assert len(files_at("https://host/m-00007-of-00003.gguf")) == 1


def test_progress_is_told_as_it_goes() -> None:
    seen: list[int] = []
    traffic = Traffic(100, seen.append)
    traffic.add(40, "https://host/m.gguf?X=s3cr3t")
    traffic.add(50, "")
    with pytest.raises(SourceFailure) as caught:
        traffic.add(20, "https://host/m.gguf?X=s3cr3t")
    assert seen == [40, 90] and "s3cr3t" not in str(caught.value)
