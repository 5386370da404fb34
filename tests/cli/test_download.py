"""``rookery download`` and ``rookery verify`` against a hub on loopback."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import run
from app.hub.catalogue.entries import bundled
from app.hub.downloads.part_file import already
from tests.hub.downloads.test_transfer import until
from tests.runtime.small_models import small_file
from tests.support.hub_server import Fault, HubServer, online, repository

ROOT = Path(__file__).resolve().parents[2]
REPO, NAME = "someone/small", "deep/small.pth"
WEIGHTS = [f"model-0000{at}-of-00002.safetensors" for at in (1, 2)]


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_ENDPOINT", raising=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small_file(tmp_path_factory.mktemp("models")).read_bytes()


@pytest.fixture
def server(model):
    with HubServer([repository(REPO, {NAME: model})]) as one, online():
        yield one


def test_it_prints_where_the_model_lies(server, model, tmp_path, capsys):
    asked = ["download", REPO, NAME, "--to", str(tmp_path / "here"), "--endpoint", server.url]
    assert run([*asked, "--json"]) == 0
    printed = capsys.readouterr()
    facts = json.loads(printed.out)
    path = tmp_path / "here" / "small.pth"
    assert facts["path"] == str(path)
    assert facts["bytes"] == len(model) == path.stat().st_size
    assert facts["sha256"] == hashlib.sha256(model).hexdigest()
    assert "small.pth: " in printed.err
    assert run(["inspect", str(path)]) == 0


@pytest.mark.parametrize("known", [True, False])
def test_what_the_catalogue_has_and_the_hub_has_not_is_looked_for_elsewhere(
    server, model, capsys, known
):
    gone = next(one for one in bundled() if one.repo == "BlinkDL/rwkv7-g1" and one.sha256)
    server.add(repository(gone.repo, {"rwkv7-g2-0.1b.pth": model}))
    file = gone.file if known else "nothing.pth"
    assert run(["download", gone.repo, file, "--endpoint", server.url]) == 1
    said = capsys.readouterr().err
    assert ("looking for it elsewhere" in said) is known
    wanted = f"is no longer in {gone.repo}" if known else "There is no nothing.pth"
    assert wanted in said.replace('"', "").replace("file ", "", 1) or wanted in said


def test_the_usual_folder_and_the_environment_are_honoured(
    server, model, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    assert run(["download", REPO, NAME]) == 0
    path = tmp_path / "home" / "data" / "models" / "small.pth"
    assert capsys.readouterr().out == f"{path}\n"
    assert path.read_bytes() == model


@pytest.mark.parametrize(
    ("fault", "where", "words"),
    [
        (Fault(status=404, code="EntryNotFound"), "hub", "no deep/small.pth in someone/small"),
        (Fault(status=429), "hub", "asked too often"),
        (Fault(wrong_at=100), "cdn", "not those that were promised"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    server, tmp_path, capsys, fault, where, words
):
    server.fail(fault, where=where, times=-1)
    to = tmp_path / "here"
    assert run(["download", REPO, NAME, "--to", str(to), "--endpoint", server.url]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    last = printed.err.splitlines()[-1]
    assert last.startswith("rookery: ")
    assert words in last
    assert not to.exists() or not list(to.iterdir())


def test_nobody_at_the_address_is_one_line(tmp_path, capsys):
    with online():
        address = "http://127.0.0.1:9"
        assert run(["download", REPO, NAME, "--to", str(tmp_path), "--endpoint", address]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "no connection to 127.0.0.1" in printed.err


def test_a_shard_brings_the_whole_model(tmp_path, capsys):
    files = {name: name.encode() * 1000 for name in WEIGHTS}
    files["model.safetensors.index.json"] = json.dumps(
        {"weight_map": {"a": WEIGHTS[0], "b": WEIGHTS[1]}}
    ).encode()
    with HubServer([repository("RWKV/rwkv7-x", files)]) as server, online():
        asked = ["download", "RWKV/rwkv7-x", WEIGHTS[0], "--to", str(tmp_path / "here")]
        assert run([*asked, "--endpoint", server.url]) == 0
    opened = Path(capsys.readouterr().out.strip())
    assert opened.parent == tmp_path / "here" / "rwkv7-x"
    assert set(files) <= {path.name for path in opened.parent.iterdir()}


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent by a signal")
def test_ctrl_c_keeps_the_part_and_says_how_to_go_on(server, model, tmp_path):
    server.fail(Fault(stall_after=20_000))
    to = tmp_path / "here"
    asked = ["download", REPO, NAME, "--to", str(to), "--endpoint", server.url]
    command = [sys.executable, "-m", "app", *asked]
    environment = {**os.environ, "HF_HUB_OFFLINE": "0"}
    first = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: already(to / "small.pth") == 20_000, 60)
        first.send_signal(signal.SIGINT)
        said = first.communicate(timeout=60)[1]
    finally:
        first.kill()
        first.wait()
    assert first.returncode == 130
    assert said.splitlines()[-1] == "What is there is kept: the same command goes on from there."
    assert already(to / "small.pth") == 20_000
    assert run(asked) == 0
    assert (to / "small.pth").read_bytes() == model
    assert server.requests("cdn")[-1].headers["Range"].startswith("bytes=20000-")


def test_verify_compares_with_the_hash_that_is_given(model, tmp_path, capsys):
    path = tmp_path / "mine.pth"
    path.write_bytes(model)
    digest = hashlib.sha256(model).hexdigest()
    assert run(["verify", str(path), "--sha256", digest.upper(), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["sha256"], facts["checked"], facts["source"]) == (digest, "sha256", "given")
    assert run(["verify", str(path), "--sha256", "0" * 64]) == 1
    assert "not those that were promised" in capsys.readouterr().err


def test_verify_without_a_known_hash_looks_into_the_header(model, tmp_path, capsys):
    path = tmp_path / "mine.pth"
    path.write_bytes(model)
    assert run(["verify", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["checked"] == "header"
    path.write_bytes(model[: len(model) // 2])
    assert run(["verify", str(path)]) == 1
    assert capsys.readouterr().err.startswith("rookery: ")
    assert run(["verify", str(tmp_path / "none.pth")]) == 1


def test_verify_knows_the_hashes_of_the_catalogue(tmp_path, capsys):
    from app.hub.catalogue.entries import bundled

    known = next(entry for entry in bundled() if entry.sha256)
    path = tmp_path / known.name
    path.write_bytes(b"something else")
    assert run(["verify", str(path)]) == 1
    assert "not those that were promised" in capsys.readouterr().err
