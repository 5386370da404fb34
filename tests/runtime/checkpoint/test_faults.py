"""Files broken at random, in every format and dialect: a model or one failure, never a crash."""

import collections
import random

import pytest

from tests.support.faults import broken, outcome, write_small_models

SEEDS = 25


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_small_models(tmp_path_factory.mktemp("models"))


def test_every_model_opens_before_it_is_broken(models):
    assert len(models) == 20
    assert {outcome(path) for path in models} == {"opened"}


def test_a_file_cut_anywhere_is_refused(models, tmp_path):
    draw = random.Random(1)
    for model in models:
        content, path = model.read_bytes(), tmp_path / model.name
        ends = {*range(0, 80, 3), *(draw.randrange(len(content)) for _ in range(25))}
        for end in ends | {len(content) - 40}:
            path.write_bytes(content[:end])
            assert outcome(path) != "opened", (model.name, end)


def survey(models, folder, seeds):
    """How often each outcome came."""
    found = collections.Counter()
    for model in models:
        content, path = model.read_bytes(), folder / model.name
        for seed in seeds:
            path.write_bytes(broken(content, f"{model.name} {seed}"))
            found[outcome(path)] += 1
    assert not found["no path"]
    return found


def test_a_broken_file_is_a_model_or_one_failure(models, tmp_path):
    found = survey(models, tmp_path, range(SEEDS))
    assert found["opened"]
    assert found["damaged-checkpoint"] > found.total() / 4


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
def test_many_broken_files_are_models_or_one_failure(models, tmp_path):
    found = survey(models, tmp_path, range(SEEDS, 2000))
    assert found["hostile-checkpoint"]
    assert found["unsupported-format"]
