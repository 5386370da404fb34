"""What a set-up is made of, and what stops it before it begins."""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from launcher import environment, gpu, room, stamp
from launcher.environment import prepare, requirements
from launcher.place import Place
from launcher.words import SetupError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".setup").mkdir()
    return Place(tmp_path)


def _finish(place: Place, extras: frozenset[str]) -> None:
    place.python.parent.mkdir(parents=True, exist_ok=True)
    place.python.touch()
    place.unfinished.touch()
    stamp.sign(place, extras)


def test_the_requirements_are_the_projects(place: Place) -> None:
    plain, test = requirements(place, frozenset()), requirements(place, frozenset({"test"}))
    assert any(need.startswith("PySide6-Essentials") for need in plain)
    assert set(plain) < set(test)
    assert any(need.startswith("pytest") for need in test)
    assert not any("cublas" in need for need in test)


def test_a_stamp_holds_for_its_extras_only(place: Place) -> None:
    _finish(place, frozenset({"test"}))
    assert stamp.holds(place, frozenset())
    assert stamp.holds(place, frozenset({"test"}))
    assert not stamp.holds(place, frozenset({"test", "bundle"}))


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("pyproject.toml", '"psutil>=6"', '"psutil>=7"'),
        ("pyproject.toml", '"hypothesis>=6"', '"hypothesis>=7"'),
        ("constraints.txt", "torch==", "torch==9."),
    ],
)
def test_a_stamp_ends_with_the_lists_it_was_made_for(
    place: Place, name: str, before: str, after: str
) -> None:
    _finish(place, frozenset())
    text = (place.root / name).read_text(encoding="utf-8")
    (place.root / name).write_text(text.replace(before, after), encoding="utf-8")
    assert text.count(before) == 1
    assert not stamp.holds(place, frozenset())


def test_a_stamp_outlives_other_changes_of_the_projects_settings(place: Place) -> None:
    _finish(place, frozenset())
    with place.project.open("a", encoding="utf-8") as file:
        file.write('\n[tool.anything]\nlevel = "strict"\n')
    assert stamp.holds(place, frozenset())


def test_a_stamp_does_not_hold_while_something_is_unfinished(place: Place) -> None:
    _finish(place, frozenset())
    place.unfinished.touch()
    assert not stamp.holds(place, frozenset())


def test_a_stamp_does_not_hold_without_an_interpreter_or_in_another_place(place: Place) -> None:
    _finish(place, frozenset())
    moved = Place(place.root.parent / "elsewhere")
    place.root.rename(moved.root)
    assert not stamp.holds(moved, frozenset())
    moved.root.rename(place.root)
    assert stamp.holds(place, frozenset())
    place.python.unlink()
    assert not stamp.holds(place, frozenset())


@pytest.mark.parametrize("damage", ["", "[1]", '{"key": 3}', '{"extras": 3}', "\0\0"])
def test_a_damaged_stamp_is_no_stamp(place: Place, damage: str) -> None:
    _finish(place, frozenset())
    place.stamp.write_text(damage, encoding="utf-8")
    assert not stamp.holds(place, frozenset())


def test_a_full_disk_is_told_before_anything_is_made(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=300_000_000))
    with pytest.raises(SetupError, match=r"0\.3 GB are free") as caught:
        prepare(place, frozenset(), "http://127.0.0.1:9", "python3 launch.py")
    assert "run again: python3 launch.py" in str(caught.value)
    assert not place.venv.exists()


def test_a_python_without_ensurepip_is_told_the_command(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(environment, "may_install", lambda: False)
    monkeypatch.setattr(environment, "package_command", lambda packages: f"get {packages}")
    with pytest.raises(SetupError, match=r"get .*python3\.\d+-venv"):
        prepare(place, frozenset(), "http://127.0.0.1:9", "python3 launch.py")
    assert not stamp.holds(place, frozenset())


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_checkout_that_cannot_be_written_is_told(place: Place) -> None:
    place.root.chmod(0o555)
    with pytest.raises(SetupError, match="Nothing may be written"):
        prepare(place, frozenset(), "http://127.0.0.1:9", "python3 launch.py")
    place.root.chmod(0o755)


@pytest.mark.parametrize(
    ("driver", "extra"), [(0, None), (470, None), (525, "cuda12"), (579, "cuda12"), (580, "cuda13")]
)
def test_the_gpu_extra_follows_the_driver(driver: int, extra: str | None) -> None:
    found = gpu.extra_for(driver)
    assert (found and found[0]) == extra


def test_the_drivers_version_is_read_from_its_own_note(tmp_path: Path) -> None:
    note = tmp_path / "version"
    note.write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n"
        "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n",
        encoding="utf-8",
    )
    assert gpu.driver_version(note) == 580


def test_without_a_driver_nothing_is_offered(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "driver_version", lambda: 0)
    assert gpu.offer(place) == frozenset()
    assert capsys.readouterr().err == ""


def test_with_a_driver_but_no_terminal_it_is_said_and_not_installed(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "driver_version", lambda: 581)
    assert gpu.offer(place) == frozenset()
    assert "rookery[cuda13] (572 MB to fetch)" in capsys.readouterr().err
    assert not gpu.answers_file(place).exists()


@pytest.mark.parametrize(
    ("typed", "wanted"), [("y\n", {"cuda12"}), ("yes\n", {"cuda12"}), ("\n", set()), ("", set())]
)
def test_at_a_terminal_it_is_asked_once(
    place: Place, monkeypatch: pytest.MonkeyPatch, typed: str, wanted: set[str]
) -> None:
    asked: list[str] = []
    terminal = SimpleNamespace(isatty=lambda: True, readline=lambda: asked.append("") or typed)
    screen = SimpleNamespace(isatty=lambda: True, write=lambda _: None, flush=lambda: None)
    monkeypatch.setattr(gpu.sys, "stdin", terminal)
    monkeypatch.setattr(gpu.sys, "stderr", screen)
    monkeypatch.setattr(gpu, "driver_version", lambda: 530)
    assert gpu.offer(place) == wanted
    assert gpu.offer(place) == wanted
    assert len(asked) == 1
    assert gpu.offer(place, anew=True) == wanted
    assert len(asked) == (1 if wanted else 2)
    assert json.loads(gpu.answers_file(place).read_text(encoding="utf-8"))["gpu"] in {"cuda12", ""}
