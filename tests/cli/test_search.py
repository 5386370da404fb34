"""``rookery search`` against a hub on loopback and without any."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.cli import run
from app.hub.catalogue import disk_fit
from app.hub.catalogue.entries import bundled
from tests.support.hub_server import HubServer, online, repository

ROOT = Path(__file__).resolve().parents[2]
NEW = "rwkv7-g1z-1.5b-20270101-ctx32768.pth"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ROOKERY_HOME", str(tmp_path))
    monkeypatch.delenv("HF_ENDPOINT", raising=False)


@pytest.fixture
def server():
    with HubServer([repository("BlinkDL/rwkv7-g1", {NEW: b"weights"})]) as one, online():
        yield one


def test_offline_it_prints_the_catalogue_and_says_so(capsys):
    assert run(["search", "g1k", "--offline"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("* G1k ") for line in lines)
    assert "3.1 GB" in lines[0]
    assert lines[0].endswith("BlinkDL/rwkv7-g1  rwkv7-g1k-1.5b-20260930-ctx25600.pth")
    assert printed.err == "Shown is the list that came with the program.\n"


def test_online_new_releases_are_there(server, capsys):
    assert run(["search", "G1z", "--endpoint", server.url]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.rstrip().endswith(f"BlinkDL/rwkv7-g1  {NEW}")
    assert "7 B" in printed.out


def test_the_environment_chooses_the_hub(server, capsys, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    assert run(["search", "g1z", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["endpoint"] == server.url
    assert (facts["stale"], facts["failure"]) == (False, None)
    (one,) = facts["entries"]
    assert one["title"] == "G1z 1.5B, reasoning, Jan 2027"
    assert one["parts"][0]["url"] == f"{server.url}/BlinkDL/rwkv7-g1/resolve/main/{NEW}"
    assert len(one["parts"][0]["sha256"]) == 64


def test_without_the_hub_the_last_list_is_printed_and_the_reason_said(server, capsys):
    line = ["search", "g1z", "--endpoint", server.url]
    run(line)
    first = capsys.readouterr().out
    server.close()
    assert run([*line, "--offline"]) == 0
    printed = capsys.readouterr()
    assert printed.out == first
    assert "what the hub told on 20" in printed.err


def test_a_hub_that_is_not_there_costs_one_line(capsys):
    with online():
        assert run(["search", "raven", "14b", "--endpoint", "http://127.0.0.1:1"]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2
    reason, source = printed.err.splitlines()
    assert reason.startswith("rookery: There is no connection to 127.0.0.1")
    assert source == "Shown is the list that came with the program."


def test_every_entry_tells_how_it_fits_or_why_it_does_not_run(capsys):
    assert run(["search", "--offline", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert len(entries) == len(bundled())
    for one in entries:
        assert bool(one["why_not"]) == (one["fit"]["kind"] == "unknown")
        if not one["why_not"]:
            assert one["fit"]["needed_bytes"] > 0
            assert "GB" in one["fit"]["words"] or "MB" in one["fit"]["words"]


def test_nothing_found_is_said(capsys):
    assert run(["search", "no such model", "--offline"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Nothing was found." in printed.err


def test_an_address_that_is_none_is_a_failure_in_one_line(capsys):
    assert run(["search", "--endpoint", "not an address"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("rookery: ")
    assert printed.err.count("\n") == 1


def test_it_loads_no_engine():
    code = (
        "import sys; from app.cli import run; run(['search', 'g1k', '--offline']);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'PySide6')))"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_is_withdrawn_unknown_or_too_large_for_the_disk_is_said(server, capsys, monkeypatch):
    monkeypatch.setattr(disk_fit.shutil, "disk_usage", lambda place: SimpleNamespace(free=10**9))
    server.add(repository("nobody/rwkv-best", {"rwkv7-g1z-0.1b-20270101-ctx4096.pth": b"w"}))
    assert run(["search", "g1k 1.5b", "--endpoint", server.url]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert f"withdrawn by its makers; the newest of its size is {NEW}" in line
    assert "Disk too full (1.0 GB free)" in line
    assert line.startswith("  ")
    assert run(["search", f"{server.url}/nobody/rwkv-best", "--endpoint", server.url]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("(publisher not known)")
