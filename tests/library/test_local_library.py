"""The library on the disk: kinds of things, watching, folders that come and go, questions."""

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from app.errors import Unreadable
from app.hub.catalogue.entries import Entry, Part
from app.library.scan import survey
from app.runtime.checkpoint.describe import describe
from tests.library.libraries import library_of, lora, sharded, small_pth, tuned_state, wait_for
from tests.support.checkpoints import random_tensors, write_safetensors
from tests.support.sparse import shapes_7, sparse_pth, sparse_safetensors

ROOT = Path(__file__).resolve().parents[2]


def kinds(local):
    return {Path(model.path).name: model.kind for model in local.scan().models}


def old(path, seconds=3600):
    """As if it had been written long ago."""
    status = path.stat()
    os.utime(path, (status.st_atime - seconds, status.st_mtime - seconds))
    return path


def test_everything_is_shown_as_what_it_is(tmp_path):
    small_pth(tmp_path / "model.of.mine.pth")
    tuned_state(tmp_path / "state.pth")
    lora(tmp_path / "lora.pth")
    (tmp_path / "coming.pth.part").write_bytes(bytes(50))
    (tmp_path / "browser.pth.crdownload").write_bytes(bytes(50))
    whole = small_pth(tmp_path / "cut.pth").read_bytes()
    old(tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    old(tmp_path / "cut.pth")
    (tmp_path / "letter.pth").write_text("Dear reader, this is no model at all.")
    (tmp_path / "page.safetensors").write_text("<html>404</html>")
    llama = {"model.layers.0.self_attn.q_proj.weight": random_tensors()["head.weight"]}
    write_safetensors(tmp_path / "llama.safetensors", llama)
    adapter = {"model.layers.0.self_attn.q_proj.lora_A.weight": random_tensors()["head.weight"]}
    write_safetensors(tmp_path / "llama_lora.safetensors", adapter)
    (tmp_path / "evil.pth").write_bytes(_evil())
    with library_of(tmp_path, files=[tmp_path / "gone.pth"]) as local:
        assert kinds(local) == {
            "model.of.mine.pth": "model",
            "state.pth": "state",
            "lora.pth": "lora",
            "coming.pth.part": "unfinished",
            "browser.pth.crdownload": "unfinished",
            "cut.pth": "damaged",
            "letter.pth": "unsupported",
            "page.safetensors": "unsupported",
            "llama.safetensors": "foreign",
            "llama_lora.safetensors": "foreign",
            "evil.pth": "unsafe",
        }
        by_name = {Path(model.path).name: model for model in local.contents.models}
        assert by_name["letter.pth"].failure_facts["found"] == "text-file"
        assert all(one.failure_code for one in by_name.values() if one.kind != "model")


def _evil():
    import io
    import pickle
    import zipfile

    class Evil:
        def __reduce__(self):
            return os.system, ("true",)

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"x": Evil()}, protocol=2))
    return packed.getvalue()


def test_a_file_that_somebody_is_copying_is_unfinished_until_it_rests(tmp_path):
    whole = small_pth(tmp_path / "m.pth").read_bytes()
    (tmp_path / "m.pth").write_bytes(whole[:-100])
    with library_of(tmp_path) as local:
        (model,) = local.scan().models
        assert (model.kind, model.failure_code) == ("unfinished", "damaged-checkpoint")
        assert model.failure_facts["why"] == "still-written"
        old(tmp_path / "m.pth")
        assert kinds(local) == {"m.pth": "damaged"}
        (tmp_path / "m.pth").write_bytes(whole)
        assert kinds(local) == {"m.pth": "model"}


def test_a_change_is_told_and_no_change_is_not(tmp_path):
    told = threading.Semaphore(0)
    small_pth(tmp_path / "a.pth")
    with library_of(tmp_path, on_change=told.release) as local:
        local.scan()
        local.watch(0.05)
        wait_for(lambda: told.acquire(blocking=False))
        while told.acquire(timeout=0.5):
            pass  # what was rung before the watch began
        small_pth(tmp_path / "deep" / "b.pth")
        assert told.acquire(timeout=30)
        wait_for(lambda: len(local.contents.models) == 2)
        while told.acquire(timeout=0.5):
            pass
        (tmp_path / "a.pth").rename(tmp_path / "c.pth")
        assert told.acquire(timeout=30)
        wait_for(lambda: {model.name for model in local.contents.models} == {"b", "c"})
        while told.acquire(timeout=0.5):
            pass
        (tmp_path / "readme.txt").write_text("of no interest")
        assert not told.acquire(timeout=1)


def test_a_folder_that_comes_later_or_goes_is_noticed(tmp_path):
    folder = tmp_path / "disk" / "models"
    with library_of(folder) as local:
        (state,) = local.scan().folders
        assert (state.there, state.reading) == (False, False)
        local.watch(0.05)
        small_pth(folder / "m.pth")
        wait_for(lambda: [model.kind for model in local.contents.models] == ["model"])
        assert local.contents.folders[0].there
        folder.rename(tmp_path / "unplugged")
        wait_for(lambda: not local.contents.models and not local.contents.folders[0].there)


def test_folders_and_files_may_be_chosen_anew(tmp_path):
    one, two = small_pth(tmp_path / "1" / "a.pth"), small_pth(tmp_path / "2" / "b.pth")
    with library_of(one.parent) as local:
        assert kinds(local) == {"a.pth": "model"}
        local.choose([two.parent], [one])
        assert kinds(local) == {"a.pth": "model", "b.pth": "model"}
        local.choose([two.parent, one.parent], [one])
        assert kinds(local) == {"a.pth": "model", "b.pth": "model"}
        local.choose([])
        assert kinds(local) == {}


def test_two_shelves_see_each_other_s_changes(tmp_path):
    path = small_pth(tmp_path / "a.pth")
    with library_of(tmp_path) as one, library_of(tmp_path) as other:
        one.scan()
        other.scan()
        other.watch(0.05)
        one.rename(path, "renamed")
        wait_for(lambda: [model.name for model in other.contents.models] == ["renamed"])


def test_one_folder_that_hangs_holds_up_no_other(tmp_path, monkeypatch):
    small_pth(tmp_path / "good" / "a.pth")
    hanging, release = tmp_path / "hanging", threading.Event()
    hanging.mkdir()

    def slow(folder, describing, cancelled):
        if folder == hanging:
            release.wait(60)
        return survey(folder, describing, cancelled)

    monkeypatch.setattr("app.library.folder_watcher.survey", slow)
    with library_of(hanging, tmp_path / "good") as local:
        try:
            contents = local.scan(limit_s=3)
            assert [folder.reading for folder in contents.folders] == [True, False]
            assert [model.name for model in contents.models] == ["a"]
        finally:
            release.set()
        assert not any(folder.reading for folder in local.scan().folders)


def test_limits_are_told_when_they_are_hit(tmp_path, monkeypatch):
    tmp_path.joinpath(*"abcdefg").mkdir(parents=True)
    assert survey(tmp_path).limits == ("depth",)
    monkeypatch.setattr("app.library.scan._ENTRIES", 30)
    for number in range(40):
        (tmp_path / f"{number}.pth").write_text("no model, only words")
    found = survey(tmp_path)
    assert "entries" in found.limits
    assert len(found.models) <= 30


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_folder_that_may_not_be_read_is_told(tmp_path):
    (tmp_path / "locked").mkdir(mode=0)
    try:
        assert survey(tmp_path).unread == (str(tmp_path / "locked"),)
        assert not survey(tmp_path / "locked").there
    finally:
        (tmp_path / "locked").chmod(0o700)


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes here only")
def test_names_of_any_bytes_and_loops_of_links_do_no_harm(tmp_path):
    name = os.fsdecode(b"\xff\xfe caf\xe9\n.pth")
    small_pth(tmp_path / name)
    (tmp_path / "x.pth").symlink_to(tmp_path / "y.pth")
    (tmp_path / "y.pth").symlink_to(tmp_path / "x.pth")
    (tmp_path / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "folder.pth").mkdir()
    os.mkfifo(tmp_path / "pipe.pth")
    with library_of(tmp_path) as local:
        found = kinds(local)
        assert found.pop(name) == "model"
        assert set(found.values()) <= {"unreadable", "missing"}
        assert "folder.pth" not in found


def test_headers_are_read_once_until_the_file_changes(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(
        "app.library.folder_watcher.describe", lambda path: read.append(path) or describe(path)
    )
    path, index = small_pth(tmp_path / "a.pth"), sharded(tmp_path / "b")
    with library_of(tmp_path) as local:
        for _ in range(3):
            local.scan()
        assert sorted(read) == sorted([path, index])
        small_pth(path, layers=3)
        models = {model.name: model for model in local.scan().models}
        assert models["a"].spec.layers == 3
        os.utime(tmp_path / "b" / "big-00002-of-00002.safetensors", (1, 1))
        local.scan()
        assert sorted(read) == sorted([path, path, index, index])


def test_a_state_and_a_lora_find_the_model_they_were_made_for(tmp_path):
    small_pth(tmp_path / "RWKV-x060-World-1B6-v2.1.pth", "6.0")
    small_pth(tmp_path / "RWKV-x060-World-3B-v2.1.pth", "6.0")
    small_pth(tmp_path / "RWKV-x070-World-1.5B.pth", "7.0")
    small_pth(tmp_path / "RWKV-x060-deep.pth", "6.0", layers=3)
    state = tuned_state(tmp_path / "rwkv-x060-chn_single_round_qa-1B6-ctx2048.pth")
    for name, gate in (("x060-lora.pth", True), ("x070-lora.pth", False)):
        lora(tmp_path / name, gate=gate)
    with library_of(tmp_path) as local:
        by_name = {Path(model.path).name: model for model in local.scan().models}
        names = [model.name for model in local.belongs_to(by_name[state.name])]
        assert names[0] == "RWKV-x060-World-1B6-v2.1"
        assert set(names[1:]) == {"RWKV-x060-World-3B-v2.1", "RWKV-x070-World-1.5B"}
        gated = local.belongs_to(by_name["x060-lora.pth"])
        assert {model.spec.generation for model in gated} == {"6.0"}
        assert len(gated) == 2
        assert local.belongs_to(by_name["x070-lora.pth"])[0].spec.generation == "7.0"
        assert local.belongs_to(by_name["RWKV-x060-deep.pth"]) == ()


def test_a_saved_state_belongs_to_the_very_model_that_made_it(tmp_path):
    from app.runtime.checkpoint import open_checkpoint
    from app.runtime.protocol.states import StateFacts
    from app.runtime.states.state import State
    from app.runtime.states.state_files import save

    mine = small_pth(tmp_path / "mine.pth", seed=1)
    small_pth(tmp_path / "other.pth", seed=2)
    with open_checkpoint(mine) as checkpoint:
        facts = StateFacts(fingerprint=checkpoint.content_fingerprint, tokenizer="world")
        save(State.blank(checkpoint.spec), tmp_path / "kept.safetensors", facts)
    with library_of(tmp_path) as local:
        kept = next(model for model in local.scan().models if model.kind == "state")
        assert kept.made_for.fingerprint == facts.fingerprint
        assert [model.path for model in local.belongs_to(kept)] == [str(mine)]


def test_duplicates_are_found_and_links_are_none(tmp_path):
    one = small_pth(tmp_path / "a" / "one.pth", seed=1)
    (tmp_path / "b").mkdir()
    copy = tmp_path / "b" / "copy.pth"
    copy.write_bytes(one.read_bytes())
    os.link(one, tmp_path / "b" / "hard.pth")
    (tmp_path / "b" / "soft.pth").symlink_to(one)
    other = small_pth(tmp_path / "b" / "two.pth", seed=2)
    assert other.stat().st_size == one.stat().st_size
    first = sharded(tmp_path / "c", seed=3)
    sharded(tmp_path / "d", seed=3)
    with library_of(tmp_path) as local:
        local.scan()
        pairs = local.duplicates()
        assert len(pairs) == 2
        files = next(duplicates for duplicates in pairs if str(copy) in duplicates.paths)
        assert files.wasted_bytes == one.stat().st_size
        assert {frozenset(place) for place in files.places} == {
            frozenset({str(one), str(tmp_path / "b" / "hard.pth")}),
            frozenset({str(copy)}),
        }
        parts = next(duplicates for duplicates in pairs if duplicates is not files)
        assert str(first) in parts.paths


def test_disk_use_counts_everything_once(tmp_path):
    one = small_pth(tmp_path / "a" / "one.pth", seed=1)
    os.link(one, tmp_path / "a" / "again.pth")
    inner = small_pth(tmp_path / "a" / "in" / "two.pth", seed=2)
    with library_of(tmp_path / "a", inner.parent, tmp_path / "gone") as local:
        local.scan()
        use = local.disk_use()
        assert use.used_bytes == one.stat().st_size + inner.stat().st_size
        outer, nested = use.folders
        assert outer.used_bytes == use.used_bytes
        assert nested.used_bytes == inner.stat().st_size
        assert 0 < outer.free_bytes <= outer.disk_bytes


def test_a_file_is_verified_against_what_was_published(tmp_path):
    good = small_pth(tmp_path / "good.pth", seed=1)
    bad = small_pth(tmp_path / "bad.pth", seed=2)
    noted = small_pth(tmp_path / "noted.pth", seed=3)
    (tmp_path / "noted.pth.sha256").write_text(f"{'0' * 64}  noted.pth\n")
    unknown = small_pth(tmp_path / "unknown.pth", seed=4)
    digest = hashlib.sha256(good.read_bytes()).hexdigest()
    part = Part(path="x/good.pth", bytes=1, sha256=digest.upper())
    entries = [
        Entry(repo="a/b", file="x/good.pth", parts=(part,)),
        Entry(repo="a/b", file="bad.pth", sha256="1" * 64),
        Entry(repo="a/b", file="model.safetensors", sha256="2" * 64),
    ]
    steps = []
    with library_of(tmp_path) as local:
        (found,) = local.verify(good, lambda *step: steps.append(step), entries=entries)
        assert (found.verdict, found.known_as, found.sha256) == ("good", "a/b/x/good.pth", digest)
        assert steps[-1] == (good.stat().st_size,) * 2
        verdicts = [local.verify(one, entries=entries)[0].verdict for one in (bad, noted, unknown)]
        assert verdicts == ["bad", "bad", "unknown"]
        assert local.verify(good, cancelled=lambda: True) is None
    for folder, verdict in (("mine", "unknown"), ("b", "bad")):  # a/b holds a model.safetensors
        usual = small_pth(tmp_path / folder / "model.safetensors", seed=5)
        with library_of(tmp_path) as local:
            assert local.verify(usual, entries=entries)[0].verdict == verdict


def test_what_was_found_can_be_compared_and_written_down(tmp_path):
    lora(tmp_path / "lora.pth")
    with library_of(tmp_path) as local:
        contents = local.scan()
        assert contents == local.scan()
        assert msgspec.json.decode(msgspec.json.encode(contents), type=type(contents)) == contents


def test_a_hundred_models_are_read_in_two_seconds_and_again_in_milliseconds(tmp_path):
    shapes = shapes_7(layers=12, width=768)
    for number in range(50):
        sparse_pth(tmp_path / f"{number}.pth", shapes)
        sparse_safetensors(tmp_path / f"{number}.st", shapes)
    script = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from app.library.local_library import LocalLibrary
begin = time.process_time()
local = LocalLibrary([Path({str(tmp_path)!r})])
assert len(local.scan(60).models) == 100
first = time.process_time() - begin
begin = time.process_time()
assert len(local.scan(60).models) == 100
heavy = {{"torch", "numpy", "PySide6"}} & set(sys.modules)
print(first, time.process_time() - begin, sorted(heavy))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    first, again, heavy = done.stdout.split(maxsplit=2)
    assert float(first) < 2
    assert float(again) < 0.1
    assert heavy.strip() == "[]"


def test_a_file_that_cannot_be_verified_says_why(tmp_path):
    (tmp_path / "folder.pth").mkdir()
    with library_of(tmp_path) as local, pytest.raises(Unreadable):
        local.verify(tmp_path / "folder.pth")
