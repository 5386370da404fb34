"""Whether models fit machines of several sizes, and in which words."""

from pathlib import Path

import pytest

from app.hub.catalogue import disk_fit
from app.hub.catalogue.entries import Entry, bundled
from app.hub.catalogue.memory_fit import Fit, fit, fits_now
from app.messages.fits import fit_in_words
from app.runtime.planning.machine import Limits, Machine, Rates
from app.runtime.planning.plan import plan_of
from app.runtime.planning.strategy import ON_CPU, parse
from app.system.gpus import Gpu

GB = 10**9
SLOW = 10e9


def model(size):
    """The recommended model of so many billions of parameters."""
    chosen = (one for one in bundled() if one.standing == "recommended")
    return next(one for one in chosen if abs(one.parameters / GB - size) < 0.1)


def on(entry, available, total=0.0):
    return fit(entry, machine(available, total))


def machine(available, total=0.0, gpus=(), *, reads=1e12):
    """One that reads so fast that any model can be read along, unless told otherwise."""
    return Machine(
        memory_available=int(available * GB),
        memory_total=int(max(available, total) * GB),
        gpus=gpus,
        rates=Rates(reads),
    )


def said(found):
    words = fit_in_words(
        found.kind, found.strategy, found.needed_bytes, found.available_bytes, found.most_bytes
    )
    return words.title, words.sentences.strip()


def test_with_room_it_runs_in_the_numbers_it_comes_in():
    found = on(model(2.9), 16)
    assert (found.kind, found.strategy, found.runs, found.exact) == ("cpu", "cpu bf16", True, True)
    spec = model(2.9).spec
    assert (
        found.needed_bytes
        == plan_of(spec, "bf16", parse("cpu bf16"), machine(16)).peak_bytes["cpu"]
    )
    assert found.needed_bytes > 2 * spec.parameters
    title, sentence = said(found)
    assert title == "Fits"
    needed = f"{found.needed_bytes / GB:.1f} GB"
    assert sentence == f"Needs about {needed} of memory in 16-bit; 16.0 GB are free."


def test_with_less_room_it_runs_in_8_and_then_in_4_bits():
    eight, four = on(model(7.2), 10), on(model(7.2), 7)
    assert (eight.kind, eight.strategy) == ("int8", "cpu int8")
    assert (four.kind, four.strategy) == ("int8", "cpu int4")
    assert four.needed_bytes < eight.needed_bytes
    assert said(eight)[0] == "Runs in 8-bit"
    assert "4-bit" in said(four)[1]


def test_what_would_fit_without_the_other_programs_is_tight():
    found = on(model(1.5), 1, 8)
    assert (found.kind, found.runs) == ("tight", False)
    assert "only 1.0 GB of 8.0 GB are free" in said(found)[1]


def test_limits_decide_what_is_usual_and_name_themselves_where_they_forbid_it():
    entry, gpu = (
        model(7.2),
        Gpu(index=0, name="A", capability=89, total_bytes=24 * GB, free_bytes=23 * GB),
    )
    here = machine(32, gpus=(gpu,), reads=SLOW)
    assert {way.allowed for way in fit(entry, here).per_format} == {True}
    fewer = fit(entry, here, limits=Limits(gpu_bytes=10 * GB, cpu_bytes=4 * GB))
    assert (fewer.kind, fewer.strategy) == ("gpu", "cuda int8")
    allowed = {way.strategy: way.allowed for way in fewer.per_format}
    assert not allowed["cuda fp16"]
    assert not allowed["cpu int4"]
    assert allowed["cuda int8"]
    none = fit(entry, here, limits=Limits(gpu_bytes=GB, cpu_bytes=2 * GB))
    assert (none.kind, none.runs) == ("over-limit", False)
    title, sentence = said(none)
    assert title == "Over your limit"
    assert f"your limit is {none.limit_bytes / GB:.1f} GB. Raise the limit in Settings" in sentence
    assert fit(model(13.3), machine(4, 8), limits=Limits(cpu_bytes=GB)).kind == "too-large"


def test_what_never_fits_says_how_much_even_the_smallest_way_needs():
    found = on(model(13.3), 4, 8)
    assert (found.kind, found.strategy) == ("too-large", "cpu int4")
    assert found.needed_bytes == min(way.needed_bytes for way in found.per_format)
    title, sentence = said(found)
    assert title == "Too large"
    assert "this machine has 8.0 GB" in sentence


def test_every_way_is_told_with_its_bytes():
    found = on(model(1.5), 16)
    assert [way.strategy for way in found.per_format] == list(ON_CPU)
    ways = {way.strategy: way.needed_bytes for way in found.per_format}
    assert ways["cpu int4"] < ways["cpu int8"] < ways["cpu bf16"] < ways["cpu fp32"]


def test_more_memory_never_makes_it_worse():
    order = ("too-large", "tight", "int8", "cpu")
    for one in bundled():
        kinds = [on(one, size).kind for size in (1, 2, 4, 8, 16, 32, 64, 128)]
        if kinds[0] != "unknown":
            ranks = [order.index(kind) for kind in kinds]
            assert ranks == sorted(ranks), one.file
            assert kinds[-1] == "cpu"


def test_without_a_card_nothing_is_promised_of_one():
    assert "gpu" not in {on(one, 128).kind for one in bundled()}


def beside(entry, *gigabytes):
    """On a machine of 16 GB with cards of these sizes."""
    gpus = tuple(
        Gpu(index=i, name="a", capability=89, total_bytes=int(n * GB), free_bytes=int(n * GB))
        for i, n in enumerate(gigabytes)
    )
    return fit(entry, machine(16, gpus=gpus, reads=SLOW))


def test_on_a_card_with_room_it_runs_fast():
    found = beside(model(7.2), 24)
    assert (found.kind, found.strategy, found.runs) == ("gpu", "cuda fp16", True)
    assert (found.available_bytes, found.total_bytes) == (24 * GB, 24 * GB)
    assert said(found)[0] == "Runs fast"
    assert said(found)[1].startswith("Runs on the graphics card in 16-bit: needs about ")


def test_on_a_smaller_card_it_runs_with_fewer_bits():
    found = beside(model(7.2), 12)
    assert (found.kind, found.strategy) == ("gpu", "cuda int8")
    assert said(found)[0] == "Fast in 8-bit"
    assert beside(model(7.2), 8).strategy == "cuda int4"


def test_what_fits_no_card_is_judged_as_without_one_and_told_what_it_would_take_there():
    found, alone = beside(model(7.2), 1), fit(model(7.2), machine(16, reads=SLOW))
    assert (found.kind, found.strategy) == (alone.kind, alone.strategy)
    assert (found.available_bytes, found.total_bytes) == (16 * GB, 16 * GB)
    ways = {way.strategy: way for way in found.per_format}
    assert ways["cuda int4"].gpu.total_bytes == GB
    assert ways["cpu int4"].gpu is None


def test_a_split_needs_room_on_the_card_and_beside_it():
    found = beside(model(7.2), 4)
    assert (found.kind, parse(found.strategy).devices) == ("gpu", ("cuda", "cpu"))
    (way,) = (one for one in found.per_format if one.strategy == found.strategy)
    assert 0 < way.needed_bytes < 4 * GB < way.needed_bytes + way.beside_bytes
    assert fits_now(way, machine(16, gpus=(way.gpu,)))
    assert not fits_now(way, machine(1, 16, gpus=(way.gpu,)))
    title, sentence = said(found)
    assert title.startswith("Runs in")
    assert "partly on the graphics card" in sentence


_ON_CARD = ("fp32", "fp16", "bf16", "int8", "int4")


def test_the_ways_on_every_card_are_told():
    texts = [way.strategy for way in beside(model(1.5), 24, 12).per_format]
    gpus = [f"{one} {form}" for one in ("cuda", "cuda:1") for form in _ON_CARD]
    assert texts == [*gpus, *ON_CPU]


def test_what_does_not_run_by_itself_is_not_judged():
    for one in bundled():
        if one.why_not:
            assert on(one, 64) == Fit(kind="unknown", available_bytes=64 * GB, total_bytes=64 * GB)


def test_without_a_shape_the_bytes_of_the_file_are_the_estimate():
    strange = Entry(repo="a/b", file="x.pth", format="pth", bytes=4 * GB, dtype="bf16")
    found = on(strange, 8)
    assert (found.kind, found.exact, found.needed_bytes) == ("cpu", False, 4 * GB)
    assert on(strange, 2).kind == "too-large"
    unknown = Entry(repo="a/b", file="x.gguf", format="gguf", bytes=4 * GB)
    assert on(unknown, 8).kind == "unknown"


def test_a_shape_alone_is_judged_too():
    spec = model(1.5).spec
    assert fit(spec, machine(16), dtype="bf16") == on(model(1.5), 16)


@pytest.mark.parametrize(
    ("size", "done", "free", "enough"),
    [
        (3_000_000_000, 0, 5_000_000_000, True),
        (3_000_000_000, 0, 2_000_000_000, False),
        (3_000_000_000, 2_500_000_000, 600_000_000, True),
        (3_000_000_000, 0, 3_000_000_000, False),  # nothing would be left for anything else
    ],
)
def test_room_on_the_disk_counts_what_is_still_to_come(monkeypatch, size, done, free, enough):
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(disk_fit.shutil, "disk_usage", lambda place: usage)
    room = disk_fit.room_for(size, Path("/models"), done)
    assert room.enough is enough
    assert room.needed_bytes == size - done


def test_a_folder_that_is_not_there_yet_has_the_room_of_its_disk(tmp_path):
    assert disk_fit.free_below(tmp_path / "not" / "yet") > 0
    assert disk_fit.room_for(0, tmp_path) is None
