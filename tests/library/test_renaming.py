"""Renaming models: all their files or the folder that they are called by, and nothing lost."""

import json

import pytest

from app.errors import AlreadyThere, DamagedCheckpoint, NameRefused
from app.runtime.checkpoint.describe import describe
from tests.library.libraries import contents, library_of, names, sharded, small_pth


@pytest.fixture
def local(tmp_path):
    (tmp_path / "library").mkdir()
    with library_of(tmp_path / "library") as made:
        yield made


@pytest.mark.parametrize("given", ["New name", "New name.safetensors"])
@pytest.mark.parametrize("index", [True, False])
def test_renaming_renames_every_part(local, tmp_path, index, given):
    library = tmp_path / "library"
    path = sharded(library, index=index)
    (library / "big.json").write_text("{}")
    spec = describe(path).spec
    place = local.rename(path, given)
    expected = [f"New name-0000{part}-of-00002.safetensors" for part in (1, 2)]
    expected += ["big.json", *(["New name.safetensors.index.json"] if index else [])]
    assert names(library) == sorted(expected)
    assert place.name == (expected[-1] if index else expected[0])
    assert describe(place).spec == spec
    if index:
        assert json.loads(place.read_text())["metadata"] == {}


@pytest.mark.parametrize("index", [b"{", b"[]", b'{"weight_map": ["a"]}', b"[" * 100_000, b"\xff"])
def test_a_model_whose_index_is_damaged_keeps_its_name_and_says_why(local, tmp_path, index):
    path = sharded(tmp_path / "library")
    path.write_bytes(index)
    before = names(path.parent)
    with pytest.raises(DamagedCheckpoint):
        local.rename(path, "New name")
    assert names(path.parent) == before


def test_a_named_file_in_a_folder_of_its_own_is_renamed_itself(local, tmp_path):
    folder = tmp_path / "library" / "mine"
    path = small_pth(folder / "c.pth")
    for side in ("config.json", "README.md"):
        (folder / side).write_text("{}")
    assert local.rename(path, "d") == folder / "d.pth"
    assert names(folder) == ["README.md", "config.json", "d.pth"]
    big = sharded(tmp_path / "library" / "parts", stem="c")
    (big.parent / "config.json").write_text("{}")
    assert local.rename(big, "e").parent == big.parent
    assert "config.json" in names(big.parent)
    assert "e-00001-of-00002.safetensors" in names(big.parent)


@pytest.mark.parametrize("index", [True, False])
def test_renaming_a_model_that_is_called_by_its_folder_renames_the_folder(local, tmp_path, index):
    library = tmp_path / "library"
    path = sharded(library / "RWKV-mine", stem="model", index=index)
    (path.parent / "train.py").write_text("mine")
    (path.parent / ".git").mkdir()
    before = names(path.parent)
    assert local.named(path) == path.parent
    now = local.rename(path, "RWKV 7.1 yours")
    assert now == library / "RWKV 7.1 yours" / path.name
    assert describe(now).name == "RWKV 7.1 yours"
    assert names(now.parent) == before
    assert local.rename(now, "RWKV-mine") == path


def test_a_folder_with_more_than_one_model_keeps_its_name(local, tmp_path):
    library = tmp_path / "library"
    path = small_pth(library / "several" / "model.pth")
    small_pth(library / "several" / "other.pth")
    assert local.named(path) == path
    assert local.rename(path, "mine") == library / "several" / "mine.pth"
    deep = small_pth(library / "deep" / "model.pth")
    small_pth(library / "deep" / "older" / "other.pth")
    assert local.rename(deep, "mine") == library / "deep" / "mine.pth"
    root = small_pth(library / "model.pth")
    assert local.named(root) == root
    again = local.rename(library / "deep" / "mine.pth", "model")
    assert local.rename(again, "mine", file_only=True) == library / "deep" / "mine.pth"


def test_a_rename_that_fails_half_way_is_taken_back(local, tmp_path):
    library = tmp_path / "library"
    path = sharded(library)
    small_pth(library / "other.pth")
    (library / "new-00001-of-00002.safetensors").write_bytes(b"in the way")
    before = contents(library)
    with pytest.raises(AlreadyThere):
        local.rename(path, "new")
    assert contents(library) == before


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", "CON", "x" * 300, "a\0b", ".hid", "a\n"]
)
def test_a_name_that_no_file_can_have_is_refused(local, tmp_path, name):
    path = small_pth(tmp_path / "library" / "m.pth")
    with pytest.raises(NameRefused):
        local.rename(path, name)
    assert path.exists()


def test_a_name_that_differs_in_case_only_is_a_name(local, tmp_path):
    path = small_pth(tmp_path / "library" / "model.pth")
    assert local.rename(path, "Model") == path.with_name("Model.pth")
    assert names(tmp_path / "library") == ["Model.pth"]
    assert local.rename(path.with_name("Model.pth"), "Model") == path.with_name("Model.pth")
