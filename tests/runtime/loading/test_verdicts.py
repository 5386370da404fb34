"""Verdicts of self-tests on the disk: found again, forgotten, and never in the way."""

import threading
import time

import msgspec
import pytest

from app.runtime.loading import verdicts as module
from app.runtime.loading.verdicts import Verdict, Verdicts, key_of, standard_verdicts
from app.system.gpus import Gpu

GPU = Gpu(index=0, name="a", capability=89, total_bytes=1, free_bytes=1, driver="5")


def test_a_verdict_lasts(tmp_path):
    Verdicts(tmp_path / "deep" / "v.json").put("k", passed=True, error="0.1%")
    found = Verdicts(tmp_path / "deep" / "v.json").get("k")
    assert (found.passed, found.error) == (True, "0.1%")
    assert Verdicts(tmp_path / "deep" / "v.json").get("other") is None


@pytest.mark.parametrize(("passed", "stays"), [(True, True), (False, False)])
def test_a_bad_one_is_tried_anew_after_a_week(tmp_path, passed, stays):
    old = {"k": Verdict(passed, "", time.time() - 8 * 86400)}
    (tmp_path / "v.json").write_bytes(msgspec.json.encode(old))
    assert (Verdicts(tmp_path / "v.json").get("k") is not None) == stays


@pytest.mark.parametrize("content", [b"", b"{", b'{"k": 3}', b"\xff\xfe", b"[]"])
def test_a_damaged_file_is_as_none_and_is_written_anew(tmp_path, content):
    (tmp_path / "v.json").write_bytes(content)
    found = Verdicts(tmp_path / "v.json")
    assert found.get("k") is None
    found.put("k", passed=False, error="NaN")
    assert found.get("k").error == "NaN"


def test_a_place_that_cannot_be_written_is_no_failure(tmp_path):
    (tmp_path / "file").write_text("in the way")
    found = Verdicts(tmp_path / "file" / "v.json")
    found.put("k", passed=True, error="")
    assert found.get("k") is None
    Verdicts(None).put("k", passed=True, error="")
    assert Verdicts(None).get("k") is None


def test_the_oldest_of_very_many_go(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 3)
    found = Verdicts(tmp_path / "v.json")
    for name in "abcad":
        found.put(name, passed=True, error="")
    assert [name for name in "abcd" if found.get(name)] == ["a", "c", "d"]


def test_model_format_card_and_driver_make_the_key():
    keys = {
        key_of("f", "fp16", GPU),
        key_of("g", "fp16", GPU),
        key_of("f", "int8", GPU),
        key_of("f", "fp16", msgspec.structs.replace(GPU, name="b")),
        key_of("f", "fp16", msgspec.structs.replace(GPU, driver="6")),
    }
    assert len(keys) == 5
    assert key_of("f", "fp16", msgspec.structs.replace(GPU, free_bytes=0, index=1)) in keys


def test_another_library_of_products_is_to_be_tested_anew(monkeypatch):
    keys = set()
    for version in ("13.0", "13.1"):
        monkeypatch.setattr(module.metadata, "version", lambda name, at=version: f"{name} {at}")
        module._libraries.cache_clear()
        keys.add(key_of("f", "fp16", GPU))
    module._libraries.cache_clear()
    assert len(keys) == 2


def test_they_lie_with_the_programs_own_files(tmp_path, monkeypatch):
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path))
    standard_verdicts().put("k", passed=True, error="")
    names = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert names == ["self-tests.json", "self-tests.json.lock"]


def test_two_that_write_at_once_keep_each_other_s_verdicts(tmp_path):
    def write(name):
        for number in range(30):
            Verdicts(tmp_path / "v.json").put(f"{name}{number}", passed=True, error="")

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = Verdicts(tmp_path / "v.json")
    assert all(kept.get(f"{name}{number}") for name in "ab" for number in range(30))
