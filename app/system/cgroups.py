"""Memory limits of Linux control groups for this process; None on other systems.

Groups are nested, and the tightest limit of a process's group and all groups above it holds.
Documented in cgroups(7), proc_pid_mountinfo(5), and the kernel's cgroup-v1/memory.rst and
cgroup-v2.rst.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Limits, what is used, and details of it.
_V2 = (("memory.max", "memory.high"), "memory.current", "memory.stat")
_V1 = (("memory.limit_in_bytes",), "memory.usage_in_bytes", "memory.stat")
_ESCAPED = re.compile(r"\\([0-7]{3})")


class _Mount(NamedTuple):
    """Where a hierarchy is seen (``place``), and which of its groups is seen there (``root``)."""

    root: str
    place: str
    newer: bool


def group_room(machine: Path = Path("/")) -> int | None:
    """The memory that all groups above this process still allow; None without any limit.

    ``machine`` is where /proc and the mounts are looked for.
    """
    rooms = [
        room for folder, newer in _groups(machine) for room in _rooms(folder, _V2 if newer else _V1)
    ]
    return min(rooms, default=None)


def group_limit(machine: Path = Path("/")) -> int | None:
    """The memory that all groups above this process allow in all; None without any limit."""
    limits = [
        most
        for folder, newer in _groups(machine)
        for name in (_V2 if newer else _V1)[0]
        if (most := limit_in(folder / name)) is not None
    ]
    return min(limits, default=None)


def limit_in(limit: Path) -> int | None:
    """What a control group allows in all; None where there is no such file or no limit."""
    try:
        most = limit.read_text().strip()
    except (OSError, ValueError):
        return None
    return int(most) if most.isdigit() else None


def room_in(limit: Path, used: Path, detail: Path) -> int | None:
    """What a control group still allows; None where there is no such file or no limit.

    File pages that the system would drop first are not counted as used.
    """
    try:
        most, taken = limit.read_text().strip(), used.read_text().strip()
        counts = dict(line.split() for line in detail.read_text().splitlines())
    except (OSError, ValueError):
        return None
    cached = counts.get("total_inactive_file", counts.get("inactive_file", "0"))
    if not (most.isdigit() and taken.isdigit() and cached.isdigit()):
        return None
    return int(most) - int(taken) + int(cached)


def _rooms(folder: Path, names: tuple[tuple[str, ...], str, str]) -> Iterator[int]:
    limits, used, detail = names
    for limit in limits:
        room = room_in(folder / limit, folder / used, folder / detail)
        if room is not None:
            yield room


def own_groups(machine: Path = Path("/"), process: str = "self") -> Iterator[tuple[Path, bool]]:
    """The folder of a process's own group in each hierarchy; True for the newer one."""
    for place, pieces, newer in _places(machine, process):
        yield place.joinpath(*pieces), newer


def _groups(machine: Path) -> Iterator[tuple[Path, bool]]:
    """Every group from the process's own upwards, as far as they are seen, in each hierarchy."""
    for place, pieces, newer in _places(machine, "self"):
        for depth in range(len(pieces), -1, -1):
            yield place.joinpath(*pieces[:depth]), newer


def _places(machine: Path, process: str) -> Iterator[tuple[Path, list[str], bool]]:
    """Where each hierarchy is seen, and the way from there to the process's own group."""
    own = _group_names(machine, process)
    for mount in _mounts(machine):
        group = own.get(mount.newer)
        if group is None:
            continue
        inner = os.path.relpath(group, mount.root)
        pieces = [] if inner == "." or inner.startswith("..") else inner.split("/")
        yield machine / mount.place.lstrip("/"), pieces, mount.newer


def _group_names(machine: Path, process: str) -> dict[bool, str]:
    """The group of a process that counts memory, by whether the hierarchy is the newer one."""
    found = {}
    for line in _lines(machine / "proc" / process / "cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if group.startswith("/") and (not controllers or "memory" in controllers.split(",")):
            found[not controllers] = group
    return found


def _mounts(machine: Path) -> Iterator[_Mount]:
    for line in _lines(machine / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, source = before.split(" "), after.split(" ")
        if len(fields) < 6 or len(source) < 3:
            continue
        older = source[0] == "cgroup" and "memory" in source[2].split(",")
        if older or source[0] == "cgroup2":
            yield _Mount(_plain(fields[3]), _plain(fields[4]), not older)


def _plain(path: str) -> str:
    """A path of mountinfo, which writes blanks as ``\\040``."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), path)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
