"""Adding, moving, renaming and deleting models: everything that belongs together, nothing lost."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app.errors import (
    AlreadyThere,
    DamagedCheckpoint,
    DiskFull,
    DownloadBusy,
    LibraryError,
    NoRoom,
    NotFound,
    NoTrash,
    Unreadable,
    UnsupportedFormat,
)
from app.hub.downloads.part_file import PartFile
from app.library import file_copies, file_operations
from app.messages.failures import say
from app.runtime.checkpoint.describe import describe, embedded_model
from tests.library.libraries import contents, library_of, names, noted, sharded, small_pth, wait_for

OTHER_DISK = Path("/dev/shm")


@pytest.fixture
def local(tmp_path):
    (tmp_path / "library").mkdir()
    with library_of(tmp_path / "library") as made:
        yield made


@pytest.fixture
def other_disk(tmp_path):
    if not OTHER_DISK.is_dir() or OTHER_DISK.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one disk only")
    folder = Path(tempfile.mkdtemp(prefix="rookery-test-", dir=OTHER_DISK))
    yield folder
    shutil.rmtree(folder)


def test_a_file_is_copied_with_what_belongs_to_it(local, tmp_path):
    source = small_pth(tmp_path / "from" / "m.pth")
    (tmp_path / "from" / "m.json").write_text("{}")
    (tmp_path / "from" / "m.pth.sha256").write_text("0")
    (tmp_path / "from" / "20B_tokenizer.json").write_text("{}")
    small_pth(tmp_path / "from" / "m2.pth")
    (tmp_path / "from" / "m2.json").write_text("{}")
    steps = []
    library = tmp_path / "library"
    place = local.add(source, library, "copy", lambda *step: steps.append(step))
    assert place == library / "m.pth"
    assert names(library) == ["20B_tokenizer.json", "m.pth", "m.pth.sha256"]
    assert place.read_bytes() == source.read_bytes()
    assert int(place.stat().st_mtime) == int(source.stat().st_mtime)
    done, total = steps[-1]
    assert done == total == source.stat().st_size + len("0{}"), "the note and the vocabulary too"
    wait_for(lambda: [model.kind for model in local.contents.models] == ["model"])


def test_nothing_is_ever_overwritten(local, tmp_path):
    library = tmp_path / "library"
    source, there = small_pth(tmp_path / "m.pth", seed=1), small_pth(library / "m.pth", seed=2)
    before = there.read_bytes()
    for how in ("copy", "move"):
        with pytest.raises(AlreadyThere):
            local.add(source, library, how)
    (library / "m.pth").rename(library / "n.pth")
    (library / "m.pth.part").write_bytes(b"a download")
    with pytest.raises(AlreadyThere):
        local.add(source, library, "copy")
    assert (library / "m.pth.part").read_bytes() == b"a download"
    assert (library / "n.pth").read_bytes() == before
    assert source.exists()
    with pytest.raises(AlreadyThere):
        local.rename(small_pth(library / "o.pth"), "n")
    assert (library / "n.pth").read_bytes() == before


def test_what_is_no_model_is_not_taken_in(local, tmp_path):
    (tmp_path / "letter.pth").write_text("Dear reader, this is no model at all.")
    (tmp_path / "half.pth").write_bytes(bytes(100))
    for path, failure in (
        ("letter.pth", UnsupportedFormat),
        ("half.pth", DamagedCheckpoint),
        ("gone.pth", NotFound),
    ):
        with pytest.raises(failure):
            local.add(tmp_path / path, tmp_path / "library", "copy")
    assert names(tmp_path / "library") == []


def test_a_copy_that_is_given_up_leaves_nothing(local, tmp_path):
    source = sharded(tmp_path / "from")
    library = tmp_path / "library"
    asked = iter([False, True])
    assert local.add(source, library, "copy", cancelled=lambda: next(asked)) is None
    assert list(library.rglob("*")) == []
    assert describe(source).kind == "model"


def test_a_full_disk_is_told_before_and_during_and_leaves_nothing(local, tmp_path, monkeypatch):
    source, library = small_pth(tmp_path / "m.pth"), tmp_path / "library"
    with monkeypatch.context() as patch:
        usage = type("Usage", (), {"free": 1000})
        patch.setattr("app.library.file_operations.shutil.disk_usage", lambda _: usage)
        with pytest.raises(NoRoom) as caught:
            local.add(source, library, "copy")
        assert caught.value.facts["free_bytes"] == 1000
        assert caught.value.facts["needed_bytes"] > source.stat().st_size
    if not Path("/dev/full").exists():
        pytest.skip("no full device")
    real = file_copies.open_unique

    def full(target):
        handle, growing = real(target)
        os.dup2(os.open("/dev/full", os.O_WRONLY), handle)
        return handle, growing

    monkeypatch.setattr(file_copies, "open_unique", full)
    with pytest.raises(DiskFull):
        local.add(source, library, "copy")
    assert list(library.iterdir()) == []


@pytest.mark.parametrize(
    ("how", "unread"),
    [("copy", "m.pth.sha256"), ("copy", "20B_tokenizer.json"), ("move", "20B_tokenizer.json")],
)
def test_an_original_that_cannot_be_read_is_named_and_all_stays(local, tmp_path, how, unread):
    source, library = small_pth(tmp_path / "from" / "m.pth"), tmp_path / "library"
    (tmp_path / "from" / unread).mkdir()  # nobody can read a folder, not even who may read all
    with pytest.raises(Unreadable) as caught:
        local.add(source, library, how)
    assert caught.value.facts["path"] == str(tmp_path / "from" / unread)
    assert names(tmp_path / "from") == ["m.pth"]
    assert list(library.rglob("*")) == []


@pytest.mark.parametrize("index", [True, False])
def test_a_model_in_several_files_moves_with_all_of_them(local, tmp_path, index):
    source, library = sharded(tmp_path / "from", index=index), tmp_path / "library"
    before = contents(tmp_path / "from")
    small_pth(tmp_path / "from" / "other.pth")
    place = local.add(source, library, "move")
    assert contents(library) == before
    assert names(tmp_path / "from") == ["other.pth"]
    assert describe(place).kind == "model"


def test_the_folder_of_a_model_goes_as_one(local, tmp_path):
    folder, library = tmp_path / "from" / "RWKV7-G1", tmp_path / "library"
    small_pth(folder / "x.pth").rename(folder / "model.pth")
    for name in ("config.json", "tokenizer.json", "README.md"):
        (folder / name).write_text("{}")
    noted(folder / "model.pth", "config.json", "tokenizer.json", "README.md")
    before = contents(folder)
    place = local.add(folder, library, "move")
    assert place == library / "RWKV7-G1" / "model.pth"
    assert contents(library / "RWKV7-G1") == before
    assert not folder.exists()
    place = local.rename(place, "RWKV7-G1-renamed")
    assert place == library / "RWKV7-G1-renamed" / "model.pth"
    (library / "taken").mkdir()
    with pytest.raises(AlreadyThere):
        local.rename(place, "taken")
    copy = local.add(place, tmp_path / "elsewhere", "copy")
    assert contents(copy.parent) == before
    local.delete(place)
    assert names(library) == []
    assert not (library / "RWKV7-G1-renamed").exists()


def test_a_folder_with_anything_else_in_it_stays_where_it_is(local, tmp_path):
    folder = tmp_path / "from"
    source = small_pth(folder / "m.pth")
    (folder / "config.json").write_text("{}")
    (folder / "diary.odt").write_text("mine")
    local.add(source, tmp_path / "library", "move")
    assert names(folder) == ["config.json", "diary.odt"]
    assert names(tmp_path / "library") == ["m.pth"]


def test_the_chosen_folder_itself_is_never_moved(local, tmp_path):
    library = tmp_path / "library"
    path = small_pth(library / "m.pth")
    (library / "README.md").write_text("about this folder")
    local.rename(path, "n")
    assert names(library) == ["README.md", "n.pth"]
    local.delete(library / "n.pth")
    assert names(library) == ["README.md"]


def test_moving_to_another_disk_copies_and_deletes(local, tmp_path, other_disk):
    path = sharded(tmp_path / "library" / "deep")
    before = contents(path.parent)
    steps = []
    place = local.move(path, other_disk, lambda *step: steps.append(step))
    assert place == other_disk / "deep" / path.name
    assert contents(other_disk / "deep") == before
    assert not path.parent.exists()
    assert steps[-1][0] == steps[-1][1] == sum(map(len, before.values()))
    assert local.move(place, tmp_path / "library", cancelled=lambda: True) is None
    assert contents(other_disk / "deep") == before
    assert names(tmp_path / "library") == []


def test_an_original_that_cannot_be_deleted_is_kept(local, tmp_path, other_disk, monkeypatch):
    path = small_pth(tmp_path / "library" / "m.pth")

    def refused(group):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(file_operations, "remove", refused)
    with pytest.raises(Exception, match="store") as caught:
        local.move(path, other_disk)
    assert caught.value.facts["said"] == "Permission denied"
    assert path.exists()
    assert describe(other_disk / "m.pth").kind == "model"


def test_a_model_called_like_its_folder_keeps_it(local, tmp_path):
    path = small_pth(tmp_path / "library" / "RWKV-mine" / "x.pth")
    path = path.rename(path.with_name("model.pth"))
    place = local.move(path, tmp_path / "library" / "new")
    assert place == tmp_path / "library" / "new" / "RWKV-mine" / "model.pth"
    assert describe(place).name == "RWKV-mine"


def test_a_loose_file_moves_without_its_folder(local, tmp_path):
    path = small_pth(tmp_path / "library" / "old" / "m.pth")
    (path.parent / "20B_tokenizer.json").write_text("{}")
    place = local.move(path, tmp_path / "library" / "new")
    assert place == tmp_path / "library" / "new" / "m.pth"
    assert names(place.parent) == ["20B_tokenizer.json", "m.pth"]
    assert names(path.parent) == ["20B_tokenizer.json"]


def test_a_link_is_left_alone_and_may_be_copied(local, tmp_path):
    real = small_pth(tmp_path / "cache" / "blob.pth")
    link = tmp_path / "library" / "m.pth"
    link.symlink_to(real)
    for deed in (
        lambda: local.rename(link, "n"),
        lambda: local.move(link, tmp_path / "there"),
        lambda: local.trash(link),
        lambda: local.delete(link),
    ):
        with pytest.raises(LibraryError) as caught:
            deed()
        assert str(real) in say(caught.value).text
    assert link.is_symlink()
    place = local.add(link, tmp_path / "there", "copy")
    assert not place.is_symlink()
    assert place.read_bytes() == real.read_bytes()


def test_the_guide_belongs_to_the_program(local):
    for deed in (local.trash, local.delete, lambda path: local.rename(path, "x")):
        with pytest.raises(LibraryError):
            deed(embedded_model())
    assert embedded_model().is_file()


def test_an_unfinished_download_goes_with_its_records_unless_it_runs(local, tmp_path):
    library = tmp_path / "library"
    other = small_pth(library / "other.pth")
    with PartFile(library / "m.pth") as part:
        (library / "m.pth.part.json").write_text("{}")
        with pytest.raises(DownloadBusy):
            local.delete(part.part)
    with pytest.raises(LibraryError):
        local.rename(library / "m.pth.part", "n")
    local.delete(library / "m.pth.part")
    assert names(library) == [other.name]


TRASHING = """
import sys
from pathlib import Path
from app.errors import NoTrash
from app.library.local_library import LocalLibrary
local = LocalLibrary([Path(sys.argv[1])])
try:
    local.trash(Path(sys.argv[2]))
except NoTrash as failure:
    print("no trash:", failure.facts["said"])
local.close()
"""


def _trash(path, home):
    environment = os.environ | {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
    command = [sys.executable, "-c", TRASHING, str(path.parent), str(path)]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the trash of this system only")
def test_the_trash_takes_all_that_belongs_together(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    path = sharded(tmp_path / "library")
    small_pth(tmp_path / "library" / "other.pth")
    assert _trash(path, home) == ""
    assert names(tmp_path / "library") == ["other.pth"]
    kept = sorted(file.name for file in (home / "data" / "Trash" / "files").iterdir())
    assert kept == [f"big-0000{part}-of-00002.safetensors" for part in (1, 2)] + [path.name]


@pytest.mark.skipif(sys.platform != "linux", reason="the trash of this system only")
def test_where_there_is_no_trash_it_is_said_and_deleting_is_left(local, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "data").write_text("in the way of the trash")
    path = small_pth(tmp_path / "library" / "m.pth")
    assert _trash(path, home).startswith("no trash:")
    assert path.exists()
    local.delete(path)
    assert not path.exists()


def test_trashing_what_is_gone_says_so(local, tmp_path):
    with pytest.raises(NotFound):
        local.trash(tmp_path / "library" / "gone.pth")


def test_a_refusal_of_the_trash_is_no_crash(local, tmp_path, monkeypatch):
    path = small_pth(tmp_path / "library" / "m.pth")

    def refuse(_):
        raise OSError("no mount point")

    monkeypatch.setattr("send2trash.send2trash", refuse)
    with pytest.raises(NoTrash) as caught:
        local.trash(path)
    assert caught.value.facts["said"] == "no mount point"
