"""Every program compiles for every card, without a warning and with its numbers in registers."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from app.kernels.cuda import nvrtc
from app.kernels.cuda.programs import PROGRAMS
from tests.support.compiling import compiler, complaints

ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
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


@pytest.mark.timeout(600)  # where nothing is remembered
@pytest.mark.parametrize("program", NAMES)
def test_a_program_compiles_for_every_card(workers, program):
    forms = [constants for name, constants in PROGRAMS if name == program]
    jobs = [(program, constants, at) for constants in forms for at in ARCHITECTURES]
    assert _failures(workers, jobs) == []


def test_the_list_has_each_program_once_and_all_that_there_are():
    listed = [(program, tuple(sorted(constants.items()))) for program, constants in PROGRAMS]
    assert len(set(listed)) == len(listed)
    assert {path.stem for path in nvrtc.SOURCES.glob("*.cu")} == set(NAMES)
