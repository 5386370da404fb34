"""The small pieces of a transfer: spans, places, limits, growing files."""

import hashlib
import os
import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import AlreadyThere, NotFound, UnsafeName
from app.hub.downloads.byte_ranges import Ranges
from app.hub.downloads.destination import Destination
from app.hub.downloads.part_file import Identity, PartFile, already
from app.hub.downloads.rate_limit import Rate, RateLimit
from app.hub.safe_paths import safe
from app.system.digest import digest

SPAN = st.tuples(st.integers(0, 60), st.integers(0, 60))


@given(st.lists(SPAN, max_size=12))
def test_ranges_are_the_set_of_their_bytes(spans: list[tuple[int, int]]) -> None:
    ranges = Ranges(spans)
    wanted = {byte for start, end in spans for byte in range(start, end)}
    assert {byte for start, end in ranges for byte in range(start, end)} == wanted
    assert ranges.total == len(wanted)
    missing = {byte for start, end in ranges.gaps(50) for byte in range(start, end)}
    assert missing == set(range(50)) - wanted
    listed = list(ranges)
    assert all(one[1] < other[0] for one, other in pairwise(listed))
    assert ranges.prefix == next(byte for byte in range(62) if byte not in wanted)


@pytest.mark.parametrize(
    "name",
    [
        "../up.pth",
        "/root.pth",
        "a//b.pth",
        "a/./b.pth",
        "..",
        "",
        "C:/b.pth",
        "a\\b.pth",
        "nul.pth",
        "COM1",
        "com².pth",
        "conin$",
        "con .pth",
        "~/x.pth",
        "-rf.pth",
        ".hidden",
        "dot.",
        "space ",
        "new\nline.pth",
        "zero\0.pth",
        "rtl\u202e.pth",
        "x" * 300,
        "model.pth.part",
    ],
)
def test_names_that_could_do_harm_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnsafeName):
        safe(name)
    with pytest.raises(UnsafeName):
        Destination(tmp_path, "owner/name", [name])
    with pytest.raises(UnsafeName):
        Destination(
            tmp_path, f"owner/{name}" if "/" not in name else "owner/..", ["a.pth", "b.pth"]
        )


def test_several_files_gather_in_a_hidden_folder(tmp_path: Path) -> None:
    places = Destination(tmp_path, "owner/name", ["deep/a.safetensors", "deep/b/c.json"])
    assert places.final == tmp_path / "name"
    assert places.gathered == tmp_path / ".name.part"
    assert places.paths == [places.gathered / "a.safetensors", places.gathered / "b" / "c.json"]
    assert places.opened(1) == tmp_path / "name" / "b" / "c.json"
    assert Destination(tmp_path, "owner/name", ["deep/a.pth"]).final == tmp_path / "a.pth"


def test_a_limit_is_shared_and_can_be_taken_away() -> None:
    rate_limit = RateLimit(1000)
    assert rate_limit.wait_s(0) == 0
    waits = [rate_limit.wait_s(500) for _ in range(4)]
    assert waits == sorted(waits)
    assert 1.0 < waits[-1] <= 2.0
    rate_limit.limit = 0
    assert rate_limit.wait_s(1 << 30) == 0


def test_a_rate_begins_anew_when_bytes_are_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("app.hub.downloads.rate_limit.time.monotonic", lambda: now[0])
    rate = Rate()
    assert rate.note(0) == 0
    now[0] += 1
    assert rate.note(300) == 0, "it begins with what is there once something has come"
    now[0] += 1
    assert rate.note(800) == 500
    assert rate.note(0) == 0


def test_bytes_in_any_order_are_found_again(tmp_path: Path) -> None:
    data = random.Random(5).randbytes(10_000)
    identity = Identity(etag="e", bytes=len(data))
    order = list(range(0, len(data), 700))
    random.Random(6).shuffle(order)
    path = tmp_path / "a.pth"
    for at in order:
        with PartFile(path) as part:
            part.adopt(identity, "http://somewhere")
            part.write(data[at : at + 700], at)
    assert already(path) == len(data)
    with PartFile(path) as part:
        assert not part.adopt(identity, "http://elsewhere")
        assert part.gaps(len(data)) == []
        part.finish()
    assert path.read_bytes() == data
    assert [one.name for one in tmp_path.iterdir()] == ["a.pth"]


def test_after_a_power_cut_only_what_the_disk_kept_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pth"
    with PartFile(path) as part:
        part.adopt(Identity(etag="e", bytes=100), "http://somewhere")
        part.write(b"x" * 40, 0)
        part.keep()
        part.write(b"x" * 40, 40)
    assert already(path) == 80
    monkeypatch.setattr("app.hub.downloads.part_file._boot", lambda: "another start of the machine")
    assert already(path) == 40
    with PartFile(path) as part:
        assert part.total == 40


@pytest.mark.skipif(not hasattr(os, "link"), reason="a file system without links")
def test_a_name_is_given_without_links_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuses)
    for taken in (False, True):
        path = tmp_path / f"{taken}.pth"
        with PartFile(path) as part:
            part.adopt(Identity(etag="e", bytes=1), "http://somewhere")
            part.write(b"x", 0)
            if taken:
                path.write_bytes(b"mine")
                with pytest.raises(AlreadyThere):
                    part.finish()
            else:
                part.finish()
        assert path.read_bytes() == (b"mine" if taken else b"x")


def test_a_digest_tells_its_progress_and_can_be_stopped(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(b"x" * 5_000_000)
    seen: list[tuple[int, int]] = []
    wanted = hashlib.sha256(b"x" * 5_000_000).hexdigest()
    assert digest(path, lambda done, total: seen.append((done, total))) == wanted
    assert seen[-1] == (5_000_000, 5_000_000)
    assert digest(path, stopped=lambda: True) == ""
    with pytest.raises(NotFound):
        digest(tmp_path / "none")
