"""Every program compiles for every card, without a warning and with its numbers in registers."""

import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, product

import pytest

from app.kernels.cuda import nvrtc
from tests.kernels.cuda.programs import PROGRAMS
from tests.support.compiling import compiler, complaints

ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
# one on either side of what the sources tell apart (__CUDA_ARCH__ >= 800), and the newest
TELLING = (75, 80, 120)
NAMES = list(dict.fromkeys(program for program, _ in PROGRAMS))


@pytest.fixture(scope="module")
def workers():
    """Two processes: NVRTC compiles one program of a process at a time."""
    if not compiler():
        pytest.skip("neither NVRTC nor nvcc is installed")
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield pool


def _failures(workers, jobs):
    said = zip(jobs, workers.map(complaints, jobs), strict=True)
    return [(job, lines) for job, lines in said if lines]


def _forms(program):
    return [constants for name, constants in PROGRAMS if name == program]


def _in_turns(program):
    """Each program for each card, and of many forms each for another one of the cards."""
    forms = _forms(program)
    pairs = (
        zip(forms, cycle(TELLING), strict=False)
        if len(forms) >= len(TELLING)
        else product(forms, TELLING)
    )
    return [(program, constants, at) for constants, at in pairs]


@pytest.mark.timeout(600)  # where nothing is remembered
@pytest.mark.parametrize("program", NAMES)
def test_a_program_compiles_for_the_cards_that_its_source_tells_apart(workers, program):
    assert _failures(workers, _in_turns(program)) == []


@pytest.mark.exhaustive
@pytest.mark.timeout(600)
@pytest.mark.parametrize("program", NAMES)
def test_every_form_of_a_program_compiles_for_every_card(workers, program):
    every = product(_forms(program), ARCHITECTURES)
    assert _failures(workers, [(program, constants, at) for constants, at in every]) == []


def test_the_cards_on_either_side_of_what_the_sources_tell_apart_are_compiled_for():
    texts = [path.read_text(encoding="utf-8") for path in nvrtc.SOURCES.glob("*.cu*")]
    told = {int(at) // 10 for text in texts for at in re.findall(r"__CUDA_ARCH__ *>= *(\d+)", text)}
    assert told
    assert not [line for text in texts for line in text.splitlines() if _asks_otherwise(line)]
    for at in told:
        assert max(one for one in ARCHITECTURES if one < at) in TELLING
        assert at in TELLING


def _asks_otherwise(line):
    """Whether a line tells cards apart in a way that the test above does not read."""
    return "__CUDA_ARCH__" in re.sub(r"__CUDA_ARCH__ *>= *\d+", "", line)


def test_the_list_has_each_program_once_and_all_that_there_are():
    listed = [(program, tuple(sorted(constants.items()))) for program, constants in PROGRAMS]
    assert len(set(listed)) == len(listed)
    assert {path.stem for path in nvrtc.SOURCES.glob("*.cu")} == set(NAMES)
