"""A model of the Pile brings the vocabulary that its repository does not have, once, checked."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.errors import VocabularyMissing
from app.hub.catalogue import vocabulary_files
from app.hub.catalogue.entries import Entry, Part, bundled
from app.hub.catalogue.vocabulary_files import NEOX, SOURCES, download_bytes, vocabulary_of
from app.hub.downloads import vocabulary_download
from app.hub.downloads.bundle import Bundle
from app.hub.downloads.rate_limit import RateLimit
from app.hub.downloads.verified_files import Verified
from app.messages.failures import one_line
from tests.conftest import SHARED_DATA
from tests.hub.downloads.queues import Queue
from tests.hub.downloads.test_transfer import until
from tests.hub.downloads.transfers import QUICK, hub_at
from tests.support.hub_server import Fault, HubServer, online, repository

REPO = "BlinkDL/rwkv-4-pile-169m"
FILES = {f"RWKV-4-Pile-169M-2022080{n}.pth": bytes([n]) * 50_000 for n in (1, 2)}
ONE, OTHER = FILES
WORDS = b'{"model": "words"}' * 1000
NAME = NEOX.path


@pytest.fixture
def small(monkeypatch):
    """A vocabulary of the tests in the place of the real one, with its own hash."""
    part = Part(path=NAME, bytes=len(WORDS), sha256=hashlib.sha256(WORDS).hexdigest())
    monkeypatch.setattr(vocabulary_files, "NEOX", part)


@pytest.fixture
def server():
    with HubServer([repository(REPO, FILES)]) as one, online():
        yield one


def bundle(server, folder, file=ONE):
    return Bundle(
        hub_at(server.url, folder),
        Entry(repo=REPO, file=file, bytes=50_000),
        folder / "models",
        how=QUICK,
        rate_limit=RateLimit(),
        verified=Verified(folder / "verified.json"),
    )


def asked(server):
    return [one.path for one in server.log if one.path.endswith(".json")]


@pytest.mark.parametrize(("repo", "file"), SOURCES)
def test_it_comes_from_whichever_place_has_it(server, small, tmp_path, repo, file):
    server.add(repository(repo, {file: WORDS}))
    begun = bundle(server, tmp_path)
    assert begun.progress.total == 50_000 + len(WORDS)
    path = begun.run()
    assert path.read_bytes() == FILES[ONE]
    assert path.with_name(NAME).read_bytes() == WORDS
    assert begun.missing is None
    assert begun.progress.done == begun.progress.total == 50_000 + len(WORDS)
    assert begun.sha256 == hashlib.sha256(FILES[ONE]).hexdigest()
    assert sorted(one.name for one in path.parent.iterdir() if "origin" not in one.name) == sorted(
        [NAME, ONE]
    )


def test_it_comes_once_for_all_models_of_a_folder(server, small, tmp_path):
    server.add(repository(SOURCES[0][0], {NAME: WORDS}))
    bundle(server, tmp_path).run()
    count = len(asked(server))
    second = bundle(server, tmp_path, OTHER)
    assert second.progress.total == 50_000
    second.run()
    assert (len(asked(server)), second.missing) == (count, None)


def test_one_that_lies_there_is_left_alone(server, small, tmp_path):
    own = tmp_path / "models" / NAME
    own.parent.mkdir()
    own.write_bytes(b"the person's own")
    bundle(server, tmp_path).run()
    assert own.read_bytes() == b"the person's own"
    assert asked(server) == []


@pytest.mark.parametrize("content", [None, b"x" * len(WORDS), WORDS + b" "])
def test_without_it_the_model_is_there_and_its_lack_is_told(server, small, tmp_path, content):
    if content is not None:
        server.add(repository(SOURCES[1][0], {NAME: content}))
    begun = bundle(server, tmp_path)
    path = begun.run()
    assert path.read_bytes() == FILES[ONE]
    assert isinstance(begun.missing, VocabularyMissing)
    assert NAME in one_line(begun.missing)
    assert begun.progress.done == begun.progress.total == 50_000
    assert not path.with_name(NAME).exists()
    server.add(repository(SOURCES[0][0], {NAME: WORDS}))
    again = bundle(server, tmp_path)
    assert again.run() == path
    assert path.with_name(NAME).read_bytes() == WORDS


def test_two_models_that_come_at_once_share_it(server, small, tmp_path, monkeypatch):
    monkeypatch.setattr(vocabulary_download, "_LOOK_S", 0.05)
    server.add(repository(SOURCES[0][0], {NAME: WORDS}))
    server.fail(Fault(delay=0.3), where="hub", file=NAME, times=2)
    both = [bundle(server, tmp_path, file) for file in FILES]
    threads = [threading.Thread(target=one.run) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [one.missing for one in both] == [None, None]
    assert (tmp_path / "models" / NAME).read_bytes() == WORDS


def test_the_queue_tells_of_the_lack_and_tries_again(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    queue = Queue(server, tmp_path)
    try:
        ident = queue.add(ONE, REPO)
        item = queue.wait(ident, "done")
        until(lambda: queue.item(ident).failure is not None)
        assert isinstance(queue.item(ident).failure, VocabularyMissing)
        assert Path(item.path).read_bytes() == FILES[ONE]
        queue.downloads.retry(ident)
        until(lambda: queue.item(ident).state != "done")
        assert isinstance(queue.wait(ident, "done").failure, VocabularyMissing)
    finally:
        queue.downloads.close()


def test_the_command_line_brings_the_real_one(server, tmp_path):
    real = SHARED_DATA / NAME
    if not real.exists():
        pytest.skip("needs the shared data")
    server.add(repository(SOURCES[1][0], {NAME: real.read_bytes()}))
    environment = os.environ | {
        "HF_ENDPOINT": server.url, "HF_HUB_OFFLINE": "0", "ROOKERY_HOME": str(tmp_path)
    }  # fmt: skip
    command = [sys.executable, "-m", "app", "download", REPO, ONE, "--to", str(tmp_path), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    told = json.loads(done.stdout)
    assert told["missing"] is None
    assert told["bytes"] == 50_000 + NEOX.bytes
    assert hashlib.sha256((tmp_path / NAME).read_bytes()).hexdigest() == NEOX.sha256


@pytest.mark.parametrize(
    ("repo", "file", "wanted"),
    [
        (REPO, ONE, True),
        ("BlinkDL/rwkv-4-raven", "RWKV-4-Raven-14B-v12-Eng98%-Other2%-20230523-ctx8192.pth", True),
        ("BlinkDL/rwkv-4-world", "RWKV-4-World-7B-v1-20230626-ctx4096.pth", False),
        ("BlinkDL/rwkv7-g1", "rwkv7-g1-1.5b-20250429-ctx4096.pth", False),
        ("someone/rwkv-raven-lora", "raven-lora.pth", False),
        (REPO, "README.md", False),
        (REPO, "config.json", False),
    ],
)
def test_only_models_that_need_it_bring_it(repo, file, wanted):
    assert (vocabulary_of(Entry(repo=repo, file=file)) is not None) == wanted


def test_the_catalogues_models_of_the_pile_all_bring_it_and_no_others():
    needs = {one.key for one in bundled() if one.vocabulary in (50277, 50304)}
    assert needs
    assert {one.key for one in bundled() if vocabulary_of(one)} == needs
    for one in bundled():
        extra = NEOX.bytes if one.key in needs and one.bytes else 0
        assert download_bytes(one) == one.bytes + extra
