"""Kept states go with the conversation that is deleted for good, and with no other."""

import pytest

from app.runtime.states import disk_budget
from app.runtime.states.disk_budget import files_in
from app.runtime.states.state_owners import OWNERS, forget_all_but, owner_lists
from tests.runtime.small_models import small_model

from .test_state_disk import TEXT, disk_in, find, trail_of


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


def keep(disk, opened, tokens, owner):
    import torch

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
