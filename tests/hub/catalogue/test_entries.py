"""The bundled catalogue: whole, true to its sources, in order; and merging with live entries."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from app.errors import BY_CODE
from app.hub.catalogue.entries import Entry, Part, bundled, matching, merged, with_standings
from app.hub.safe_paths import is_safe
from app.hub.sources.repository import is_repository
from app.messages.failures import say
from app.messages.things import THINGS
from app.resources import resource

ROOT = Path(__file__).resolve().parents[3]
TABLE = ROOT.parent / "shared" / "facts" / "models.csv"


def entry(file, repo="BlinkDL/rwkv7-g1", **facts):
    usual = {"format": "pth", "generation": "7.0", "kind": "reasoning", "parameters": 1_500_000_000}
    return Entry(repo=repo, file=file, **{**usual, **facts})


def test_every_entry_is_whole_and_safe():
    keys = Counter(one.key for one in bundled())
    assert len(keys) > 180
    assert set(keys.values()) == {1}
    for one in bundled():
        assert is_repository(one.repo), one.repo
        assert is_safe(one.file), one.file
        assert one.title
        assert one.format in ("pth", "safetensors", "gguf", "state", "lora")
        assert one.generation in ("4", "5.0", "5.1", "5.2", "6.0", "7.0")
        assert one.parts[0].path == one.file
        assert one.bytes == sum(part.bytes for part in one.parts)
        assert re.fullmatch(r"([0-9a-f]{64})?", one.sha256)
        assert one.sha256 == one.parts[0].sha256
        assert re.fullmatch(r"(20\d\d-[01]\d-[0-3]\d)?", one.released)
        assert one.source == "bundled"


def test_no_hash_stands_for_two_files():
    hashes = Counter(one.sha256 for one in bundled() if one.sha256)
    assert len(hashes) > 150
    assert set(hashes.values()) == {1}


def test_the_bytes_of_a_checkpoint_are_those_of_its_shape():
    """Two bytes a number and about 150 a tensor; so a wrong shape cannot go unseen."""
    checked = 0
    for one in bundled():
        if one.format == "pth" and one.bytes and one.spec:
            ratio = one.bytes / (2 * one.spec.parameters)
            assert 0.9999 < ratio < 1.004 or "Mobius-r6" in one.file, (one.file, ratio)
            assert one.parameters == one.spec.parameters
            checked += 1
    assert checked > 120


def test_all_that_can_be_run_has_a_shape_and_the_rest_says_why():
    for one in bundled():
        if one.is_model and not one.why_not:
            assert one.spec is not None, one.file
            assert one.family != "unknown", one.file
        else:
            assert one.why_not in BY_CODE
            assert one.failure is not None
            assert one.failure.facts["found"] == one.found
            assert THINGS.get(one.found, one.found) in say(one.failure).text


def test_one_file_of_each_size_is_recommended_the_newest():
    chosen = [one for one in bundled() if one.standing == "recommended"]
    sizes = sorted(round(one.parameters / 1e9, 1) for one in chosen)
    assert sizes == [0.2, 0.5, 1.5, 2.9, 7.2, 13.3]
    for one in chosen:
        assert one.generation == "7.0"
        rivals = [
            other
            for other in bundled()
            if other.parameters == one.parameters and other.repo == one.repo
        ]
        assert one.released == max(rival.released for rival in rivals)


def test_the_old_generations_are_archival():
    for one in bundled():
        assert (one.standing == "archival") == (one.generation[0] in "45")


def test_every_kind_of_release_is_there():
    kinds = Counter(one.kind for one in bundled())
    assert set(kinds) == {
        "reasoning", "chat", "raven", "pile", "novel", "music", "state", "research"
    }  # fmt: skip
    generations = {one.generation for one in bundled() if one.kind == "music"}
    assert generations == {"4", "5.0", "5.1"}


def test_the_script_makes_the_same_file_again(tmp_path):
    if not TABLE.is_file():
        pytest.skip("the table is not on this machine")
    for folder in ("app", "resources"):
        shutil.copytree(
            ROOT / folder,
            tmp_path / folder,
            ignore=shutil.ignore_patterns("*.so", "__pycache__", "models", "ui"),
        )
    written = tmp_path / "resources" / "catalogue.json"
    written.unlink()
    script = tmp_path / "resources" / "make_catalogue.py"
    subprocess.run([sys.executable, str(script), str(TABLE)], check=True, timeout=60)
    assert written.read_bytes() == resource("catalogue.json").read_bytes()


def test_it_is_one_entry_a_line_and_holds_no_default():
    lines = resource("catalogue.json").read_text("utf-8").splitlines()
    assert len(lines) == len(bundled()) + 2
    first = json.loads(lines[1].removesuffix(","))
    assert "revision" not in first
    assert "source" not in first


def test_loading_it_brings_nothing_heavy():
    code = (
        "import sys, app.hub.catalogue.memory_fit\n"
        "from app.hub.catalogue.entries import bundled; bundled()\n"
        "print([n for n in ('torch', 'numpy', 'huggingface_hub', 'httpx2', 'PySide6', 'keyring')"
        " if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_live_entries_win_but_for_what_they_do_not_know():
    known = entry("a.pth", bytes=10, sha256="a" * 64, licence="mit", context=4096)
    live = entry("a.pth", bytes=10, licence="", context=8192, source="live")
    (one,) = merged([known], [live])
    assert (one.source, one.licence, one.context, one.sha256) == ("live", "mit", 8192, "a" * 64)


def test_a_hash_of_other_bytes_is_not_taken_over():
    known = entry("a.pth", bytes=10, sha256="a" * 64, parts=(Part(path="a.pth", bytes=10),))
    live = entry("a.pth", bytes=12, parts=(Part(path="a.pth", bytes=12),), source="live")
    (one,) = merged([known], [live])
    assert (one.bytes, one.sha256, one.parts[0].bytes) == (12, "", 12)


def test_a_newer_release_takes_the_recommendation_over():
    old, new = entry("old.pth", released="2026-01-01"), entry("new.pth", released="2027-01-01")
    copy = entry("new.gguf", released="2027-01-01", format="gguf")
    foreign = entry("x.pth", repo="me/rwkv-x", released="2028-01-01")
    unrun = entry("y.pth", released="2028-01-01", why_not="unsupported-variant")
    listed = merged([old], [copy, new, foreign, unrun])
    assert [one.file for one in listed if one.standing == "recommended"] == ["new.pth"]


def test_older_generations_are_never_recommended_beside_a_newer_one():
    six = entry("six.pth", generation="6.0", kind="chat", released="2028-01-01")
    assert {one.file: one.standing for one in with_standings([six, entry("seven.pth")])} == {
        "six.pth": "current",
        "seven.pth": "recommended",
    }


def test_every_word_must_be_found_somewhere():
    assert {one.kind for one in matching(bundled(), "MIDI rwkv-5")} == {"music"}
    assert all("G1k" in one.title for one in matching(bundled(), "g1k"))
    assert matching(bundled(), "g1k raven") == ()
    assert len(matching(bundled(), " ")) == len(bundled())


def test_an_entry_survives_json():
    one = bundled()[0]
    assert msgspec.json.decode(msgspec.json.encode(one), type=Entry) == one
