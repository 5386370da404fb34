"""Kept states go with the conversation that is deleted for good, and with no other."""

import pytest
import torch

from app.runtime.generation.engine import Engine
from app.runtime.states import disk_budget
from app.runtime.states.disk_budget import files_in
from app.runtime.states.state_owners import OWNERS, forget_all_but, owner_lists
from tests.runtime.small_models import ask, small_model

from .test_state_disk import TEXT, disk_in, find, trail_of


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


def keep(disk, opened, tokens, owner):
    state = opened.model.blank()
    logits = opened.model.forward(torch.tensor([tokens]), state)[0]
    trail = trail_of(opened, tokens)
    trail.owner = owner
    if disk.wants(trail, logits=True, spare=False):
        disk.keep(trail, opened.state_facts(trail), state.host_later(), logits)
    assert disk.flush(30)


def test_what_one_owns_alone_goes_and_what_another_one_goes_on_from_stays(opened, tmp_path):
    disk = disk_in(opened, tmp_path / "kept")
    keep(disk, opened, TEXT[:10], "first")
    keep(disk, opened, TEXT[:20], "first")
    keep(disk, opened, TEXT[:10], "second")  # is there already, and is of both from now on
    keep(disk, opened, TEXT[:15], "")
    folder = disk.folder
    lists = owner_lists(folder)
    assert len(lists) == 2
    assert forget_all_but(folder, ["first", "second", "third"], lists) == 0
    assert forget_all_but(folder, ["second"], lists) == 1
    assert sorted(file.name.tokens for file in files_in(folder)) == [10, 15]
    assert disk_budget.use_of(folder).files == 2
    assert find(disk_in(opened, folder), opened, TEXT)[1].tokens == 15
    list_of_second = next((folder / OWNERS).iterdir())
    list_of_second.write_bytes(b"\xff damaged\n" + list_of_second.read_bytes()[:-3])
    assert forget_all_but(folder, [], owner_lists(folder)) == 0
    assert (owner_lists(folder), len(list(files_in(folder)))) == ([], 2)
    assert forget_all_but(tmp_path / "none", [], owner_lists(tmp_path / "none")) == 0


def test_no_list_tells_whose_it_is(opened, tmp_path):
    disk = disk_in(opened, tmp_path / "kept")
    keep(disk, opened, TEXT[:10], "a secret name")
    whole = b"".join(path.read_bytes() for path in (disk.folder / OWNERS).iterdir())
    names = "".join(path.name for path in (disk.folder / OWNERS).iterdir())
    assert b"secret" not in whole
    assert "secret" not in names


def said(opened, disk, request):
    """What the engine answers, with this disk."""
    sent = []
    engine = Engine(opened, sent.append, set(), None, disk)
    engine.start(request)
    while not engine.idle:
        engine.step()
    assert disk.flush(30)
    return sent[-1]


def test_the_states_of_a_reply_are_its_conversations_and_so_are_those_it_went_on_from(
    opened, tmp_path
):
    folder = tmp_path / "kept"
    first = said(opened, disk_in(opened, folder), ask(1, TEXT, limit=4, owner="first"))
    assert first.computed_tokens == len(TEXT)
    later = (*TEXT, 65, 66)
    second = said(opened, disk_in(opened, folder), ask(2, later, limit=4, owner="second"))
    assert second.computed_tokens == 2, "the rest was remembered on the disk"
    before = {file.name.tokens for file in files_in(folder)}
    assert forget_all_but(folder, ["second"], owner_lists(folder)) > 0
    assert {len(TEXT)} < {file.name.tokens for file in files_in(folder)} < before
    third = said(opened, disk_in(opened, folder), ask(3, later, limit=4, owner="third"))
    assert third.computed_tokens < len(TEXT)
    forget_all_but(folder, [], owner_lists(folder))
    assert list(files_in(folder)) == []
