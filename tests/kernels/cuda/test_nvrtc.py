"""Programs are compiled for the card at hand and kept; what was kept badly is compiled anew."""

import pytest

from app.errors import KernelError
from app.kernels.cuda import nvrtc
from app.kernels.cuda.nvrtc import Programs, compiled, standard_folder, target
from app.messages.failures import say

TEXT = """
#include "core.cuh"
extern "C" __global__ void fill(float* y) { y[threadIdx.x] = VALUE; }
"""


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A folder with a program of its own, where NVRTC is installed."""
    pytest.importorskip("cupy")
    try:
        nvrtc.library()
    except ImportError:
        pytest.skip("NVRTC is not installed")
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "core.cuh").write_bytes((nvrtc.SOURCES / "core.cuh").read_bytes())
    (folder / "fill.cu").write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(nvrtc, "SOURCES", folder)
    nvrtc._headers.cache_clear()
    yield folder
    nvrtc._headers.cache_clear()


@pytest.mark.parametrize(
    ("architecture", "wanted"),
    [(75, "sm_75"), (90, "sm_90"), (89, "sm_86"), (91, "sm_90"), (130, "compute_120")],
)
def test_the_target_is_the_card_or_the_nearest_that_runs_on_it(architecture, wanted):
    assert target(architecture, (75, 80, 86, 90, 120)) == wanted


def test_a_card_that_is_too_old_for_the_compiler_is_told():
    with pytest.raises(KernelError) as caught:
        target(61, (75, 80))
    assert "6.1" in say(caught.value).text


def test_machine_code_is_made_once_and_kept(sources, tmp_path, monkeypatch):
    folder = tmp_path / "kept" / "kernels"
    first = Programs(90, 13000, folder).image("fill", VALUE=3)
    assert first.startswith(b"\x7fELF")
    assert [path.name.split("-")[:2] for path in folder.iterdir()] == [["fill", "sm_90"]]
    monkeypatch.setattr(nvrtc, "compiled", None)
    assert Programs(90, 13000, folder).image("fill", VALUE=3) == first


def test_an_unknown_newer_card_gets_ptx(sources):
    newest = max(nvrtc.known_architectures())
    image = Programs(990).image("fill", VALUE=1)
    assert f".target sm_{newest}".encode() in image


def test_each_text_constant_card_and_driver_is_kept_apart(sources, tmp_path):
    folder = tmp_path / "kept"
    Programs(90, 13000, folder).image("fill", VALUE=1)
    Programs(90, 13000, folder).image("fill", VALUE=2)
    Programs(80, 13000, folder).image("fill", VALUE=1)
    Programs(90, 13010, folder).image("fill", VALUE=1)
    assert len(list(folder.iterdir())) == 4
    (sources / "core.cuh").write_text("#pragma once\n", encoding="utf-8")
    Programs(90, 13000, folder).image("fill", VALUE=1)
    assert len(list(folder.iterdir())) == 5


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b"", lambda b: b[:40] + b"!" * 60])
def test_a_damaged_image_is_compiled_anew(sources, tmp_path, damage):
    whole = Programs(90, 0, tmp_path / "kept").image("fill", VALUE=1)
    (place,) = (tmp_path / "kept").iterdir()
    kept = place.read_bytes()
    place.write_bytes(damage(kept))
    assert Programs(90, 0, tmp_path / "kept").image("fill", VALUE=1) == whole
    assert place.read_bytes() == kept


def test_a_folder_that_cannot_be_made_costs_nothing_but_time(sources, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert Programs(90, 0, tmp_path / "file" / "kernels").image("fill", VALUE=1)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["file"]


def test_an_error_carries_the_first_lines_of_the_log(sources):
    (sources / "fill.cu").write_text(TEXT.replace("VALUE", "some + thing"), encoding="utf-8")
    with pytest.raises(KernelError) as caught:
        compiled("fill", {}, "sm_80")
    assert caught.value.facts["program"] == "fill"
    assert 'identifier "some" is undefined' in say(caught.value).text


def test_a_program_that_is_not_there_is_told(sources):
    with pytest.raises(KernelError) as caught:
        Programs(80).image("nothing")
    assert "nothing.cu" in say(caught.value).text


def test_what_is_compiled_is_kept_where_the_program_keeps_what_can_be_had_again(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path))
    assert standard_folder() == tmp_path / "cache" / "kernels"
    monkeypatch.delenv("ROOKERY_HOME")
    folder = standard_folder()
    assert folder is not None
    assert folder.name == "kernels"
    assert "rookery" in folder.parts
