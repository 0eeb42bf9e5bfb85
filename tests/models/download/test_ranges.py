"""What an answer says that it is, whatever it says."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.models.download.pieces import Span
from homeroom.models.download.ranges import Body, body, content_digest, request_headers, retry_after, validator_of

SPAN = Span(100, 200)


def test_all_of_a_file_is_asked_for_without_a_range() -> None:
    assert request_headers(None, '"one"') == {"Accept-Encoding": "identity"}
    asked = request_headers(SPAN, '"one"')
    assert (asked["Range"], asked["If-Range"]) == ("bytes=100-199", '"one"')


@pytest.mark.parametrize(
    ("told", "held"),
    [
        ("bytes 100-199/1000", Body(100, 200, 1000)),
        ("bytes 100-149/*", Body(100, 150, None)),
        ("bytes 100-999/1000", Body(100, 1000, 1000)),
        ("bytes 101-199/1000", None),
        ("bytes 100-99/1000", None),
        ("bytes 100-199/150", None),
        ("bytes */1000", None),
        ("100-199/1000", None),
        ("", None),
    ],
)
def test_a_part_begins_where_it_was_asked_for(told: str, held: Body | None) -> None:
    assert body(206, {"Content-Range": told}, SPAN) == held
    assert body(206, {"Content-Range": told}, None) is None, "nobody asked for a part"
    assert body(206, {"Content-Range": told, "Content-Encoding": "gzip"}, SPAN) is None


def test_all_of_a_file_and_none_of_it() -> None:
    assert body(200, {"Content-Length": "7"}, SPAN) == Body(0, 7, 7)
    assert body(200, {"Content-Length": "7", "Content-Encoding": "gzip"}, None) == Body(0, None, None)
    assert body(200, {}, None) == Body(0, None, None)
    assert body(416, {"Content-Range": "bytes */0"}, SPAN) == Body(0, 0, 0)
    assert body(416, {"Content-Range": "bytes */7"}, SPAN) is None


def test_only_strong_validators_count() -> None:
    assert validator_of({"ETag": '"a"', "Last-Modified": "then"}) == '"a"'
    assert validator_of({"ETag": 'W/"a"', "Last-Modified": "then"}) == "then"
    for unfit in ('W/"a"', '"' + "a" * 300 + '"', '"\u00e9"', '"a\n"'):
        assert validator_of({"ETag": unfit}) is None


@given(st.binary())
def test_an_answer_s_digest_is_read(content: bytes) -> None:
    digest = hashlib.sha256(content).digest()
    told = f"sha-256=:{base64.b64encode(digest).decode()}:"
    for header in (told, f"md5=:AAAA:, {told}", f"{told},sha-512=:BBBB:"):
        assert content_digest({"Content-Digest": header}) == digest


@given(st.text())
def test_garbage_is_no_answer(garbage: str) -> None:
    assert content_digest({"Content-Digest": garbage}) is None
    assert body(206, {"Content-Range": garbage}, SPAN) is None
    assert retry_after({"Retry-After": garbage}) is None or garbage.strip().isdigit()
