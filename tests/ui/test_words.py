"""Numbers and names in plain words."""

import asyncio

import pytest
from PySide6.QtCore import QLocale

from app.errors import NotFound
from app.hub.catalogue.memory_fit import Fit as Verdict
from app.hub.catalogue.memory_fit import Placement
from app.messages.units import duration, short_count, size, speed, whole
from app.runtime.planning.machine import Machine
from app.system.gpus import Gpu
from app.ui.state.commands import Command
from app.ui.state.models.fit_words import said as fit_words
from app.ui.state.models.model_names import plain_name, plain_way
from app.ui.state.notices import details_of
from app.ui.state.tasks import Tasks
from app.ui.widgets.command_palette import closeness

GB = 1_000_000_000


@pytest.fixture(autouse=True)
def _english():
    before = QLocale()
    QLocale.setDefault(QLocale("en_US"))
    yield
    QLocale.setDefault(before)


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (640, "640 B"), (3.1e9, "3.1 GB"), (999.9e6, "1.0 GB"), (1536, "1.5 kB")],
)
def test_sizes_have_one_decimal_and_a_unit(count, said):
    assert size(count) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(1.5276e9, "1.5B"), (4.5e8, "0.5B"), (1.9e8, "0.2B"), (430_000, "430.0K"), (12, "12")],
)
def test_parameters_are_counted_as_model_names_do(count, said):
    assert short_count(count) == said


def test_exact_numbers_have_thin_gaps():
    assert whole(65536) == "65,536"


@pytest.mark.parametrize(("pace", "said"), [(58.4, "58 tok/s"), (8.27, "8.3 tok/s")])
def test_speeds_below_ten_have_a_decimal(pace, said):
    assert speed(pace) == said


@pytest.mark.parametrize(
    ("stem", "parameters", "said"),
    [
        ("rwkv7-g1a-0.4b-20250905-ctx4096", 4.5e8, "G1a 0.4B, reasoning, Sep 2025"),
        ("rwkv7-g1-2.9b-20250519-ctx4096", 2.95e9, "G1 2.9B, reasoning, May 2025"),
        ("rwkv7-world-0.4b", 3e9, "World 3.0B"),
        ("RWKV-x060-World-1B6-v2.1-20240328-ctx4096", 1.6e9, "World 1.6B, Mar 2024"),
        ("RWKV-4-Raven-1B5-v12-Eng98", 1.5e9, "Raven 1.5B, instructions"),
        ("RWKV-4-Pile-169M-20220807-8023", 1.69e8, "Pile 169M, raw text, Aug 2022"),
        ("rwkv7-world-0.1b-20251399", 1.9e8, "World 0.2B"),
        ("my_own-model", 1e6, "My own model"),
        ("r7-q5_1", 1e6, "R7 q5_1"),
        ("small_rwkv-Q4_K_M", 1e6, "Small rwkv Q4_K_M"),
        ("模型-🐦", 1e6, "模型 🐦"),
        ("---", 1e6, "---"),
    ],
)
def test_official_names_become_plain_words_others_stay(stem, parameters, said):
    assert plain_name(stem, int(parameters)) == said


def test_a_name_is_plain_before_anything_is_counted():
    assert plain_name("rookery-guide", 0) == "Rookery guide"
    assert plain_name("rwkv7-g1k-1.5b-20260930-ctx25600", 0) == "G1k 1.5B, reasoning, Sep 2026"
    assert plain_name("RWKV-4-Raven-v12", 0) == "Raven, instructions"


def test_a_way_to_run_has_plain_words():
    assert plain_way("cpu bf16") == "16-bit on CPU"
    assert plain_way("cpu fp32") == "32-bit on CPU"
    assert plain_way("cuda fp16") == "16-bit on GPU"
    assert plain_way("cuda:1 int8") == "8-bit on GPU 1"
    assert plain_way("cuda fp16 *20 -> cpu int8") == "16/8-bit on GPU + CPU"
    assert plain_way("cuda int8 *20 -> cuda:1 int8") == "8-bit on GPU + GPU 1"
    assert plain_way("cpu int8; head cpu bf16", place=False) == "8-bit"
    assert plain_way("") == ""


@pytest.mark.parametrize(
    ("kind", "strategy", "word"),
    [
        ("cpu", "cpu bf16", "Fits"),
        ("int8", "cpu int8", "Runs in 8-bit"),
        ("int8", "cpu int4", "Runs in 4-bit"),
        ("tight", "cpu bf16", "Tight"),
        ("too-large", "cpu int4", "Too large"),
    ],
)
def test_a_verdict_has_a_word_the_gigabytes_and_a_picture(kind, strategy, word):
    here = Machine(memory_available=8 * GB, memory_total=16 * GB)
    fit = fit_words(Verdict(kind=kind, strategy=strategy, needed_bytes=20 * GB), here)
    assert fit.word == word
    assert fit.need == "needs 20.0 GB"
    assert "20.0 GB" in fit.sentence
    assert ("16.0 GB" if kind == "too-large" else "8.0 GB") in fit.sentence
    assert fit.good == (kind in ("cpu", "int8"))


def test_another_way_than_the_usual_one_is_judged_by_its_own_memory():
    here = Machine(memory_available=8 * GB, memory_total=16 * GB)
    usual = Verdict(kind="cpu", strategy="cpu bf16", needed_bytes=4 * GB)
    assert fit_words(usual, here, Placement("cpu fp32", 9 * GB)).word == "Tight"
    assert fit_words(usual, here, Placement("cpu fp32", 7 * GB)).word == "Fits"
    assert fit_words(usual, here, Placement("cpu int8", 3 * GB)).word == "Runs in 8-bit"
    assert fit_words(usual, here, Placement("cpu fp32", 8 * GB)).word == "Tight"  # with the program


@pytest.mark.parametrize(
    ("needed", "word"), [(7, "Fast in 8-bit"), (12, "Tight"), (20, "Too large")]
)
def test_a_way_on_a_card_is_judged_by_the_cards_memory(needed, word):
    gpu = Gpu(index=0, name="a", capability=89, total_bytes=16 * GB, free_bytes=8 * GB)
    here = Machine(memory_available=2 * GB, memory_total=4 * GB, gpus=(gpu,))
    usual = Verdict(kind="cpu", strategy="cpu bf16", needed_bytes=GB)
    fit = fit_words(usual, here, Placement("cuda int8", needed * GB, gpu))
    assert fit.word == word
    assert ("16.0 GB" if word == "Too large" else "8.0 GB") in fit.sentence


def test_what_runs_on_a_card_says_so_with_its_memory():
    here = Machine(memory_available=2 * GB, memory_total=4 * GB)
    room = {"available_bytes": 8 * GB, "total_bytes": 16 * GB}
    verdict = Verdict(kind="gpu", strategy="cuda fp16", needed_bytes=5 * GB, **room)
    fit = fit_words(verdict, here)
    assert (fit.word, fit.good) == ("Runs fast", True)
    assert fit.sentence.startswith("Runs on the graphics card in 16-bit: needs about 5.0 GB")
    assert "8.0 GB are free" in fit.sentence


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (40, "40 s"), (120, "2 min"), (7300, "2 h"), (4e5, "5 days")],
)
def test_a_time_has_the_one_unit_that_fits(seconds, said):
    assert duration(seconds) == said


def test_details_of_a_failure_are_text_to_copy():
    text = details_of(NotFound("gone", path="/ä"))
    assert text.splitlines()[0] == "not-found"
    assert '"/ä"' in text


def test_closeness_prefers_beginnings_and_wants_every_word():
    assert closeness("dark", "Dark theme") > closeness("dark", "A darker thing")
    assert closeness("theme dark", "Dark theme") > 0
    assert closeness("dark mode", "Dark theme") == 0
    assert closeness("", "anything") == 1


def test_a_command_without_keys_is_still_a_command():
    assert Command("x", print).keys == ""


async def test_a_failure_of_a_task_goes_to_the_notices_and_a_bug_to_the_hook(monkeypatch):
    failures, bugs = [], []
    monkeypatch.setattr("sys.excepthook", lambda _kind, error, _trace: bugs.append(error))
    tasks = Tasks(failures.append)

    async def fails():
        raise NotFound(path="x")

    async def breaks():
        raise KeyError("bug")

    for work in (fails(), breaks()):
        await asyncio.wait([tasks.start(work)])
    await asyncio.sleep(0.01)
    assert [type(one) for one in failures] == [NotFound]
    assert [type(one) for one in bugs] == [KeyError]
    assert not tasks._running
