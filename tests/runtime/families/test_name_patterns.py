"""What names of models tell, in one place for the engine, the catalogue and the window."""

import pytest

from app.hub.catalogue.published_names import named
from app.runtime.families.family import family_of
from app.runtime.families.name_patterns import date_in, series_of, sizes_in, spaced
from app.ui.state.models.model_names import plain_name


@pytest.mark.parametrize(
    ("name", "called", "purpose"),
    [
        ("rwkv7-g1k-1.5b", "G1k", "reasoning"),
        ("rwkv7-g0a4-7.2b-20251208-ctx8192", "G0a4", "reasoning"),
        ("rwkv7G1c-0.4b", "G1c", "reasoning"),
        ("RWKV-4-Raven-7B-v12", "Raven", "instructions"),
        ("RWKV-x060-ChnNovel-3B", "Novel", "fiction"),
        ("RWKV-4-PilePlus-1B5", "PilePlus", "raw text"),
        ("RWKV-5-ABC-82M-v1", "ABC", "music"),
        ("RWKV-4-MIDI-120M", "MIDI", "music"),
        ("RWKV-5-World-0.1B", "World", "chat"),
    ],
)
def test_a_name_tells_its_series_once_for_all(name, called, purpose):
    series = series_of(name)
    assert (series.called(name.casefold()), series.purpose) == (called, purpose)
    assert plain_name(name, 0).startswith(called)


@pytest.mark.parametrize("series", ["g0", "g0a2", "g0a3", "g0a4", "g0b", "g1", "g1a", "g1l"])
def test_engine_catalogue_and_window_agree_on_the_g_series(series):
    name = f"rwkv7-{series}-7.2b-20251220-ctx8192"
    offer = named("BlinkDL/rwkv7-g1", f"{name}.pth")
    assert offer.kind == "reasoning"
    assert offer.family == family_of(name, "world").name == "g1"
    assert offer.title.partition(",")[0] == plain_name(name, 0).partition(",")[0]
    assert "reasoning" in plain_name(name, 0)


def test_sizes_and_days_are_read_from_names():
    assert [size.text for size in sizes_in("RWKV-4-Pile-1B5-2.9b-169M")] == ["1.5B", "2.9B", "169M"]
    assert sizes_in("rwkv-7b-world")[:1] == []
    assert sizes_in("rwkv7-g1-0.4b")[0].parameters == 400_000_000
    assert date_in("a-20251130-b") == "2025-11-30"
    assert date_in("a-20251330-b") == date_in("120251130") == date_in("") == ""
    assert spaced("my_own-model-q4_k_m") == "My own model q4_k_m"
