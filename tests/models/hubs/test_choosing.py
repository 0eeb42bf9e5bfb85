"""Which of several models of a repository is meant."""

from __future__ import annotations

import contextlib
import time

import pytest

from homeroom.errors import AmbiguousModel, UnknownModel
from homeroom.models.hub_names import Reference
from homeroom.models.hubs import choose, models_in
from homeroom.models.remote import RemoteFile

REPOSITORY = "bartowski/SmolLM2-135M-Instruct-GGUF"
MIXED = ("m-Q2_K.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf")


def chosen(files: list[str], choice: str = "") -> list[str]:
    groups = models_in(RemoteFile(name, "", 10**9 * (1 + at)) for at, name in enumerate(files))
    return [file.name for file in choose(groups, Reference("hf", "o/r", choice))[0]]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("Q8_0", "m-Q8_0.gguf"),
        ("q8_0", "m-Q8_0.gguf"),
        ("m-Q2_K.gguf", "m-Q2_K.gguf"),
        ("m-q2_k", "m-Q2_K.gguf"),
        ("", "m-Q4_K_M.gguf"),
    ],
)
def test_the_quantization_chooses(choice: str, expected: str) -> None:
    assert chosen(list(MIXED), choice) == [expected]


def test_a_dynamic_build_is_meant_where_there_is_no_other() -> None:
    files = ["m-UD-Q4_K_XL.gguf", "m-UD-Q2_K_XL.gguf", "m-Q2_K_XL.gguf"]
    assert chosen(files, "Q4_K_XL") == ["m-UD-Q4_K_XL.gguf"]
    assert chosen(files, "Q2_K_XL") == ["m-Q2_K_XL.gguf"]
    assert chosen(files, "ud-q2_k_xl") == ["m-UD-Q2_K_XL.gguf"]


def test_a_split_model_in_a_folder() -> None:
    shards = [f"UD-IQ1_S/R1-{n:05d}-of-00003.gguf" for n in (1, 2, 3)]
    others = [f"Q8_0/R1-Q8_0-{n:05d}-of-00002.gguf" for n in (2, 1)]
    assert chosen([*others, *shards[::-1]], "UD-IQ1_S") == shards
    assert chosen([*others, *shards], "Q8_0") == sorted(others)


def test_projectors_and_matrices_are_no_models() -> None:
    assert chosen(["mmproj-m-f16.gguf", "m-imatrix.gguf", "m-Q6_K.gguf"]) == ["m-Q6_K.gguf"]


def test_a_file_that_is_listed_twice_is_one() -> None:
    assert chosen(["m-Q6_K.gguf", "m-Q6_K.gguf"]) == ["m-Q6_K.gguf"]


def test_shards_that_are_missing_are_told() -> None:
    with pytest.raises(UnknownModel) as caught:
        chosen(["m-Q8_0-00001-of-00003.gguf", "m-Q8_0-00003-of-00003.gguf"])
    assert caught.value.key == "hubs.shard_missing" and "m-Q8_0-00002-of-00003.gguf" in str(caught.value)


@pytest.mark.parametrize(
    ("files", "choice", "key", "told"),
    [
        (["a-Q2_K.gguf", "a-Q8_0.gguf"], "", "hubs.choose", "Q2_K (1.0 GB), Q8_0 (2.0 GB)"),
        (["a-Q2_K.gguf", "a-Q8_0.gguf"], "Q4_K_M", "hubs.no_such_quant", "Q2_K (1.0 GB), Q8_0 (2.0 GB)"),
        (["a-Q8_0.gguf", "b-Q8_0.gguf"], "Q8_0", "hubs.choose", "a-Q8_0.gguf (1.0 GB), b-Q8_0.gguf (2.0 GB)"),
        (["x/a-Q4_K_M.gguf", "y/a-Q4_K_M.gguf"], "", "hubs.choose", "x/a-Q4_K_M.gguf"),
    ],
)
def test_several_are_listed_with_sizes(files: list[str], choice: str, key: str, told: str) -> None:
    with pytest.raises((UnknownModel, AmbiguousModel)) as caught:
        chosen(files, choice)
    assert caught.value.key == key
    assert told in str(caught.value)
    assert f"homeroom show hf:o/r:{caught.value.facts['example']}" in str(caught.value)


def test_of_a_pull_only_what_runs_is_listed_the_nearest_first() -> None:
    names = ("m-Q2_K.gguf", "m-Q4_0_4_4.gguf", "m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-Q6_K.gguf", "m-F16.gguf")
    groups = models_in(RemoteFile(name, "", 10**9) for name in names)
    with pytest.raises(UnknownModel) as caught:
        choose(groups, Reference("hf", "o/r", "Q5_K_M"), command="pull")
    told = caught.value
    listed = [one.partition(" ")[0] for one in str(told.facts["choices"]).split(", ")]
    assert listed == ["Q4_K_M", "Q6_K", "Q2_K", "Q8_0", "F16"]
    assert told.next == "Take one of those, for example: homeroom pull hf:o/r:Q4_K_M"


@pytest.mark.parametrize(
    "form",
    [
        "m{0}-Q4_K_M.gguf",
        "m-Q{0}_K.gguf",
        "m-{0:05d}-of-30000.gguf",
        "m-{0:05d}-of-01000.gguf",
        "m{0}-00001-of-01000.gguf",
    ],
)
def test_choosing_takes_a_time_in_proportion(form: str) -> None:
    """A quadratic way takes minutes for the larger, where a linear one takes ten times as long."""

    def spent(count: int) -> float:
        files = [RemoteFile(form.format(number), "", 1) for number in range(count)]
        began = time.process_time()
        with contextlib.suppress(AmbiguousModel, UnknownModel):
            choose(models_in(files), Reference("hf", "a/b"))
        return time.process_time() - began

    spent(100)
    assert spent(10_000) < 30 * max(spent(1_000), 0.01)
