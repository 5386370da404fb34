"""What this machine shows and has: a display, Qt's system libraries, a package manager."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from .words import LIBRARIES_UNNAMED, NO_LIBRARIES, SetupError, tell

# Shared libraries that Qt's window needs and that no package of Python's brings.
LIBRARIES = (
    "libGL.so.1",
    "libEGL.so.1",
    "libxkbcommon.so.0",
    "libglib-2.0.so.0",
    "libfontconfig.so.1",
    "libdbus-1.so.3",
    "libxcb-cursor.so.0",
    "libxcb-icccm.so.4",
    "libxcb-keysyms.so.1",
    "libxcb-shape.so.0",
    "libxkbcommon-x11.so.0",
)

# The packages that bring them, by family of Linux; and the command that installs packages.
PACKAGES = {
    "debian": (
        "libgl1 libegl1 libxkbcommon0 libglib2.0-0 libfontconfig1 libdbus-1-3 libxcb-cursor0 "
        "libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxkbcommon-x11-0"
    ),
    "fedora": (
        "libglvnd-glx libglvnd-egl libxkbcommon glib2 fontconfig dbus-libs xcb-util-cursor "
        "xcb-util-wm xcb-util-keysyms libxcb libxkbcommon-x11"
    ),
    "arch": (
        "libglvnd libxkbcommon glib2 fontconfig dbus xcb-util-cursor xcb-util-wm "
        "xcb-util-keysyms libxcb libxkbcommon-x11"
    ),
    "suse": (
        "Mesa-libGL1 Mesa-libEGL1 libxkbcommon0 libglib-2_0-0 libfontconfig1 libdbus-1-3 "
        "libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxkbcommon-x11-0"
    ),
}
_COMMANDS = {
    "debian": "apt-get install -y --no-install-recommends",
    "fedora": "dnf install -y",
    "arch": "pacman -S --needed",
    "suse": "zypper install",
}
_KIN = {"ubuntu": "debian", "rhel": "fedora", "opensuse": "suse", "sles": "suse"}


def has_display(environment: Mapping[str, str]) -> bool:
    """Whether a window can be shown; a chosen Qt platform (as "offscreen") counts as one."""
    if sys.platform != "linux":
        return True
    return any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def provide_libraries() -> None:
    """See to it that Qt's system libraries are there.

    Installs them where that is allowed (root on Debian and its kin), else raises SetupError
    with the one command that does.
    """
    if sys.platform != "linux":
        return
    missing = missing_libraries()
    if not missing:
        return
    if may_install():
        install_packages(PACKAGES["debian"])
        missing = missing_libraries()
        if not missing:
            return
    names = ", ".join(missing)
    command = package_command(PACKAGES) or LIBRARIES_UNNAMED.format(missing=names)
    raise SetupError(NO_LIBRARIES.format(missing=names, command=command))


def missing_libraries(cache: Path = Path("/etc/ld.so.cache")) -> list[str]:
    """Those of LIBRARIES that the loader does not find.

    A name in the loader's cache is there; only the others are tried, since that is slow.
    """
    try:
        known = cache.read_bytes()
    except OSError:
        known = b""
    return [name for name in LIBRARIES if name.encode() + b"\0" not in known and not _loads(name)]


def linux_family(release: Path = Path("/etc/os-release")) -> str:
    """Which row of PACKAGES fits this Linux; "" where none does."""
    try:
        lines = release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    facts = dict(line.split("=", 1) for line in lines if "=" in line)
    words = f"{facts.get('ID', '')} {facts.get('ID_LIKE', '')}".replace('"', "").split()
    kin = [_KIN.get(word, word).split("-")[0] for word in words]
    return next((_KIN.get(word, word) for word in kin if _KIN.get(word, word) in PACKAGES), "")


def package_command(packages: Mapping[str, str]) -> str:
    """The command that installs the row of ``packages`` that fits this system; "" if none does."""
    family = linux_family()
    if family not in packages:
        return ""
    root = "" if os.geteuid() == 0 else "sudo "
    return f"{root}{_COMMANDS[family]} {packages[family]}"


def may_install() -> bool:
    """Whether this process may install Debian packages by itself."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    return linux_family() == "debian" and shutil.which("apt-get") is not None


def install_packages(names: str) -> None:
    """Install Debian packages; whether they are there afterwards is the caller's to see."""
    tell(f"Installing system packages: {names}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *names.split()]):
        done = subprocess.run(
            ["apt-get", "-q", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            tell(f"  apt-get {command[0]} failed: {said[-1]}")


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
