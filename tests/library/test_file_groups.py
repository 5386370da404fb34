"""What belongs to a model and goes where it goes, and what is the person's and stays."""

import pytest

from app.runtime.checkpoint.describe import describe
from app.runtime.origin import Origin, OriginFile, write_origin
from tests.library.libraries import library_of, names, noted, sharded, small_pth


@pytest.fixture
def local(tmp_path):
    (tmp_path / "library").mkdir()
    with library_of(tmp_path / "library") as made:
        yield made


OWN = {"train.py": "mine", "notes.md": "mine", "README.md": "mine", "config.json": "{}"}


@pytest.mark.parametrize("name", ["model.pth", "rwkv7-mine.pth"])
@pytest.mark.parametrize("deed", ["delete", "move", "rename"])
def test_what_the_person_put_beside_a_model_stays_where_it_is(local, tmp_path, name, deed):
    library = tmp_path / "library"
    path = small_pth(library / "my-experiment" / name)
    own = OWN | {f"{path.stem}.txt": "mine", f"{path.stem}.json": "{}"}
    for other, text in own.items():
        (path.parent / other).write_text(text)
    (path.parent / "runs").mkdir()
    {
        "delete": lambda: local.delete(path),
        "move": lambda: local.move(path, tmp_path / "there"),
        "rename": lambda: local.rename(path, "other"),
    }[deed]()
    left = {file: (path.parent / file).read_text() for file in own}
    assert left == own
    assert not path.exists()
    if deed == "move":
        home = "my-experiment/" if name == "model.pth" else ""
        assert names(tmp_path / "there") == [f"{home}{name}"]


def test_what_a_download_brought_goes_along_and_what_was_changed_since_stays(local, tmp_path):
    path = small_pth(tmp_path / "library" / "b" / "model.pth")
    for name in ("20B_tokenizer.json", "config.json", "train.py"):
        (path.parent / name).write_text("as it came")
    noted(path, "20B_tokenizer.json", "config.json")
    (path.parent / "config.json").write_text("changed by hand")
    group = local.group(path)
    assert {file.name for file in group.others} == {"config.json", "train.py"}
    local.delete(path)
    assert names(path.parent) == ["config.json", "train.py"]


def test_what_is_asked_for_goes_along_and_an_empty_folder_with_it(local, tmp_path):
    path = small_pth(tmp_path / "library" / "mine" / "model.pth")
    for name in ("train.py", "README.md", "tokenizer.json"):
        (path.parent / name).write_text("mine")
    group = local.group(path)
    place = local.move(path, tmp_path / "there", also=[path.with_name("train.py")])
    assert names(place.parent) == ["model.pth", "tokenizer.json", "train.py"]
    assert names(path.parent) == ["README.md", "tokenizer.json"]
    group = local.group(place)
    local.delete(place, also=(*group.others, *group.shared))
    assert not place.parent.exists()


def test_a_file_that_another_model_needs_stays(local, tmp_path):
    folder = tmp_path / "library" / "two"
    one, other = small_pth(folder / "one.pth"), small_pth(folder / "other.pth")
    (folder / "20B_tokenizer.json").write_text("words")
    for path in (one, other):
        noted(path, "20B_tokenizer.json")
    place = local.move(one, tmp_path / "there")
    assert names(place.parent) == ["20B_tokenizer.json", "one.pth", "one.pth.origin.json"]
    assert names(folder) == ["20B_tokenizer.json", "other.pth", "other.pth.origin.json"]
    local.delete(other)
    assert names(folder) == []


def test_a_part_that_two_indexes_name_stays_for_the_other(local, tmp_path):
    path = sharded(tmp_path / "library" / "big")
    second = path.with_name("second.safetensors.index.json")
    second.write_bytes(path.read_bytes())
    local.delete(path)
    assert describe(second).kind == "model"
    assert path.name not in names(path.parent)


def test_a_renamed_model_still_knows_where_it_came_from(local, tmp_path):
    path = small_pth(tmp_path / "library" / "m.pth")
    noted(path)
    now = local.rename(path, "n")
    origin = describe(now).origin
    assert (origin.repo, origin.files[0].name) == ("a/b", "n.pth")
    assert names(tmp_path / "library") == ["n.pth", "n.pth.origin.json"]


def test_a_planted_note_takes_nothing_of_the_person_s(local, tmp_path):
    library = tmp_path / "library"
    path = small_pth(library / "mine" / "m.pth")
    for place in (library / "diary.txt", path.parent / "train.py"):
        place.write_text("mine")
    names_ = ("../diary.txt", "train.py", "/etc/passwd", ".", "")
    files = tuple(OriginFile(name=name, file=name, bytes=4, sha256="0" * 64) for name in names_)
    write_origin(path, Origin(repo="a/b", file="m.pth", files=files))
    local.delete(path)
    assert names(library) == ["diary.txt", "mine/train.py"]
