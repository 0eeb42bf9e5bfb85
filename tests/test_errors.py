"""The error tree: codes that tell the classes apart, exit codes as in the contract, and a way back from JSON."""

from __future__ import annotations

import pytest

from homeroom import errors
from homeroom.errors import DoesNotFit, HomeroomError, UnknownModel, by_code

CLASSES = [thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, HomeroomError)]


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in CLASSES]
    assert sorted(set(codes)) == sorted(codes)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_code_leads_back_to_its_class(kind: type[HomeroomError]) -> None:
    assert by_code(kind.code) is kind
    assert kind.exit_code in (1, 2, 3, 130)


def test_an_unknown_code_is_nobodys() -> None:
    assert by_code("nonesuch") is None
    assert by_code(400) is None


def test_what_happened_and_what_to_type_next() -> None:
    error = UnknownModel("models.not_pulled", name="starter")
    assert "homeroom pull starter" in str(error)
    assert (error.exit_code, error.status) == (2, 404)
    assert DoesNotFit("engine.told", message="x").next is None
