"""Linked folders are followed once; what is half, gone or no model is neither counted nor kept."""

import os

import pytest

from app.errors import LibraryError
from app.library.scan import chosen_files, survey
from app.messages.failures import say
from app.runtime.checkpoint.describe import describe
from tests.library.libraries import library_of, scan, sharded, small_pth

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def names(folder):
    return sorted(model.name for model in scan([folder]))


def test_a_linked_folder_is_looked_into(tmp_path):
    (elsewhere := tmp_path / "disk" / "more").mkdir(parents=True)
    (models := tmp_path / "models").mkdir()
    small_pth(elsewhere / "far.pth")
    small_pth(models / "near.pth")
    (models / "link").symlink_to(tmp_path / "disk", target_is_directory=True)
    assert names(models) == ["far", "near"]


def test_links_in_a_circle_and_twice_to_one_place_are_followed_once(tmp_path):
    (models := tmp_path / "models").mkdir()
    (other := tmp_path / "other").mkdir()
    small_pth(models / "a.pth")
    small_pth(other / "b.pth")
    (models / "up").symlink_to(tmp_path, target_is_directory=True)
    (models / "self").symlink_to(models, target_is_directory=True)
    (models / "one").symlink_to(other, target_is_directory=True)
    (models / "two").symlink_to(other, target_is_directory=True)
    (other / "back").symlink_to(models, target_is_directory=True)
    (models / "nowhere").symlink_to(tmp_path / "gone", target_is_directory=True)
    looked = survey(models)
    assert sorted(model.name for model in looked.models) == ["a", "b"]
    assert looked.limits == ()
    assert looked.unread == ()


def test_a_real_folder_gives_the_path_and_not_the_link_to_it(tmp_path):
    (real := tmp_path / "z").mkdir()
    small_pth(real / "m.pth")
    (tmp_path / "a").symlink_to(real, target_is_directory=True)
    (model,) = scan([tmp_path])
    assert model.path == str(real / "m.pth")


def test_a_chain_of_links_counts_its_depth(tmp_path):
    (models := tmp_path / "models").mkdir()
    (models / "in").symlink_to(tmp_path / "0", target_is_directory=True)
    for step in range(9):
        (folder := tmp_path / str(step)).mkdir()
        small_pth(folder / f"m{step}.pth")
        (folder / "on").symlink_to(tmp_path / str(step + 1), target_is_directory=True)
    looked = survey(models)
    assert sorted(model.name for model in looked.models) == [f"m{step}" for step in range(5)]
    assert looked.limits == ("depth",)


def test_a_model_whose_folder_is_a_link_is_not_taken_away_by_it(tmp_path):
    (real := tmp_path / "disk" / "rwkv-small").mkdir(parents=True)
    small_pth(real / "model.pth")
    (models := tmp_path / "models").mkdir()
    (models / "rwkv-small").symlink_to(real, target_is_directory=True)
    with library_of(models) as local:
        (model,) = local.scan().models
        with pytest.raises(LibraryError):
            local.delete(models / "rwkv-small" / "model.pth")
        assert os.path.exists(model.path)


def test_what_is_half_downloaded_or_no_model_is_not_counted(tmp_path):
    whole = small_pth(tmp_path / "whole.pth").stat().st_size
    (tmp_path / "half.pth.part").write_bytes(bytes(70_000))
    (tmp_path / "letter.gguf").write_text("Dear reader")
    with library_of(tmp_path) as local:
        assert len(local.scan().models) == 3
        use = local.disk_use()
    assert use.used_bytes == whole
    assert [one.used_bytes for one in use.folders] == [whole]


def test_chosen_files_that_are_gone_or_never_were_models_are_left_out(tmp_path):
    whole = small_pth(tmp_path / "whole.pth")
    cut = tmp_path / "cut.pth"
    cut.write_bytes(whole.read_bytes()[:-500])
    for name in ("notes.txt", "song.mp3", "page.html"):
        (tmp_path / name).write_text("Nothing that could be a model.")
    files = [*sorted(tmp_path.iterdir()), tmp_path / "gone.pth"]
    assert [one.name for one in chosen_files(files)] == ["cut", "whole"]


@pytest.fixture(params=["links", "files"])
def cached(request, tmp_path):
    """A model in Hugging Face's cache: links to blobs, or files where there can be no links."""
    repository = tmp_path / "hub" / "models--somebody--rwkv7-tiny"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    real = small_pth(repository / "blobs" / "ab12.pth")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    if request.param == "links":
        (snapshot / "model.pth").symlink_to(real)
    else:
        real.rename(snapshot / "model.pth")
    return snapshot / "model.pth"


def test_a_copy_out_of_the_hubs_cache_is_called_by_its_repository(cached, tmp_path):
    with library_of(tmp_path / "mine") as local:
        place = local.add(cached, tmp_path / "mine", "copy")
    assert place == tmp_path / "mine" / "rwkv7-tiny" / "model.pth"
    assert describe(place).name == "rwkv7-tiny"
    big = sharded(cached.parents[3] / "models--b--rwkv-big" / "snapshots" / COMMIT, stem="model")
    with library_of(tmp_path / "mine") as local:
        assert local.add(big, tmp_path / "mine", "copy").parent == tmp_path / "mine" / "rwkv-big"


def test_nothing_in_the_hubs_cache_is_renamed_or_moved(cached, tmp_path):
    before = sorted(cached.parents[2].rglob("*"))
    with library_of(cached.parents[3]) as local:
        for change in (
            lambda: local.rename(cached, "another"),
            lambda: local.move(cached, tmp_path / "mine"),
            lambda: local.add(cached, tmp_path / "mine", "move"),
        ):
            with pytest.raises(LibraryError) as caught:
                change()
            assert "Hugging Face's cache" in say(caught.value).text
    assert sorted(cached.parents[2].rglob("*")) == before
