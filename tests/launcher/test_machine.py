"""What the launcher finds out about a machine, and the commands it would give."""

import sys
from pathlib import Path

import pytest

from launcher import machine
from launcher.words import SetupError

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="asks a Linux system")


def _release(folder: Path, text: str) -> Path:
    file = folder / "os-release"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "debian"),
        ("ID=ubuntu\nID_LIKE=debian\n", "debian"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "debian"),
        ("ID=fedora\n", "fedora"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"),
        ("ID=manjaro\nID_LIKE=arch\n", "arch"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', "suse"),
        ("ID=gentoo\n", ""),
    ],
)
def test_a_linux_is_known_by_its_kin(tmp_path: Path, text: str, family: str) -> None:
    assert machine.linux_family(_release(tmp_path, text)) == family


def test_a_system_that_does_not_name_itself_has_no_family(tmp_path: Path) -> None:
    assert machine.linux_family(tmp_path / "none") == ""


@linux_only
def test_a_library_is_found_in_the_loaders_cache_or_by_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "ld.so.cache"
    cache.write_bytes(b"junk\0libcached.so.1\0junk")
    names = ("libcached.so.1", "libc.so.6", "libcached.so", "libnowhere-at-all.so.3")
    monkeypatch.setattr(machine, "LIBRARIES", names)
    assert machine.missing_libraries(cache) == ["libcached.so", "libnowhere-at-all.so.3"]
    assert "libcached.so.1" in machine.missing_libraries(tmp_path / "no cache")


@linux_only
def test_missing_libraries_end_in_one_sentence_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "LIBRARIES", ("libnowhere-at-all.so.3",))
    monkeypatch.setattr(machine, "may_install", lambda: False)
    monkeypatch.setattr(machine, "linux_family", lambda: "debian")
    monkeypatch.setattr(machine.os, "geteuid", lambda: 1000)
    with pytest.raises(SetupError) as caught:
        machine.provide_libraries()
    assert "(libnowhere-at-all.so.3)" in str(caught.value)
    command = "sudo apt-get install -y --no-install-recommends libgl1 libegl1 "
    assert command in str(caught.value)


@linux_only
def test_an_unknown_linux_is_told_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LIBRARIES", ("libnowhere-at-all.so.3",))
    monkeypatch.setattr(machine, "linux_family", lambda: "")
    with pytest.raises(SetupError, match="package manager"):
        machine.provide_libraries()


@linux_only
def test_root_on_debian_installs_them_and_is_believed_only_when_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = tmp_path / "said"
    apt = tmp_path / "apt-get"
    apt.write_text(f'#!/bin/sh\necho "$@" >> {said}\n', encoding="utf-8")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(machine, "may_install", lambda: True)
    lacking = [["libGL.so.1"], []]
    monkeypatch.setattr(machine, "missing_libraries", lambda: lacking.pop(0))
    machine.provide_libraries()
    update, install = said.read_text(encoding="utf-8").splitlines()
    assert update.endswith("update")
    assert install.split()[-len(machine.PACKAGES["debian"].split()) :] == (
        machine.PACKAGES["debian"].split()
    )
    monkeypatch.setattr(machine, "missing_libraries", lambda: ["libGL.so.1"])
    with pytest.raises(SetupError, match=r"libGL\.so\.1"):
        machine.provide_libraries()
    assert "Installing system packages" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({}, False),
        ({"DISPLAY": ""}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"QT_QPA_PLATFORM": "offscreen"}, True),
    ],
)
@linux_only
def test_a_display_is_known_by_the_environment(environment: dict[str, str], *, shown: bool) -> None:
    assert machine.has_display(environment) is shown
