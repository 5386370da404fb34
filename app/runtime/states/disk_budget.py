"""How many bytes of kept states a folder may hold, and how many may be written into it in a day.

Several programs may share the folder: what they have written today and hold in all stands in one
small file, which is changed under a lock.  What goes first has not been used for long and is soon
rebuilt: the tokens to be read again, divided by the time since the last use (after the hyperbolic
caching of A. Blankstein, S. Sen and M. Freedman, 2017).  Imports no torch.
"""

import contextlib
import heapq
import json
import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.errors import DiskFull
from app.system.atomic_file import clear_left_overs, replacing
from app.system.file_lock import locked_beside
from app.system.small_file import read_small

from .disk_names import DiskName, is_folder, read_name

USAGE = "usage.json"
_MOST_FILES = 20_000
_LARGEST_USAGE = 1 << 12
_SHARE_LEFT = 0.9  # of the budget, after something had to go: so it goes seldom
_SPARE_SHARE = 0.8  # of a day's bytes, for states that another one follows soon
_LEFT_OVER_S = 60.0
_FREE_SHARE, _FREE_BYTES = 0.05, 1_000_000_000  # of the disk: the smaller one stays free


class DiskUse(msgspec.Struct, frozen=True):
    """What a folder holds, and how much was written into it on ``day``, by this machine's clock."""

    day: str = ""
    written: int = 0
    bytes: int = 0
    files: int = 0


class DiskLimits(msgspec.Struct, frozen=True):
    """At most so many bytes in all, and so many written in a day."""

    budget_bytes: int
    day_bytes: int


def today() -> str:
    """The day by this machine's clock."""
    return time.strftime("%Y-%m-%d")


def use_of(folder: Path) -> DiskUse:
    """What is known of a folder; nothing is counted anew, and what is not known is 0."""
    try:
        use = msgspec.json.decode(read_small(folder / USAGE, _LARGEST_USAGE), type=DiskUse)
    except (OSError, ValueError):
        return DiskUse(today())
    if min(use.written, use.bytes, use.files) < 0:
        return DiskUse(today())
    return use if use.day == today() else msgspec.structs.replace(use, day=today(), written=0)


class DiskBudget:
    """Asked before each write.  ``limits`` may be changed at any time."""

    def __init__(self, folder: Path, limits: DiskLimits) -> None:
        self._folder, self.limits = folder, limits
        self._counted = False

    def take(self, nbytes: int, *, spare: bool) -> bool:
        """Note that so many bytes are written now; False where they must not be.

        A ``spare`` state leaves the last fifth of the day to the others.  What has to go for it
        goes.  Raises DiskFull where too little of the disk is free, and StoreError where the folder
        cannot be used.
        """
        budget, day = self.limits.budget_bytes, self.limits.day_bytes
        if nbytes > budget:
            return False
        with locked_beside(self._folder / USAGE):
            use = use_of(self._folder)
            if use.written + nbytes > (day * _SPARE_SHARE if spare else day):
                return False
            if not self._counted:
                clear_left_overs(self._folder, _LEFT_OVER_S)
                use = self._made_room(use, budget)
                self._counted = True
            if use.bytes + nbytes > budget or use.files >= _MOST_FILES:
                use = self._made_room(use, int(budget * _SHARE_LEFT) - nbytes)
            self._check_disk(nbytes)
            self._note(DiskUse(use.day, use.written + nbytes, use.bytes + nbytes, use.files + 1))
        return True

    def give_up(self, nbytes: int) -> None:
        """What was taken was not written after all; it counts as written today all the same."""
        self._change(-nbytes, -1)

    def shrink(self) -> None:
        """Let go of what is more than the budget allows."""
        with locked_beside(self._folder / USAGE):
            self._note(self._made_room(use_of(self._folder), self.limits.budget_bytes))

    def _change(self, nbytes: int, files: int) -> None:
        with locked_beside(self._folder / USAGE):
            use = use_of(self._folder)
            self._note(
                DiskUse(use.day, use.written, max(0, use.bytes + nbytes), max(0, use.files + files))
            )

    def _check_disk(self, nbytes: int) -> None:
        try:
            disk = shutil.disk_usage(self._folder)
        except OSError:
            return  # the write will tell
        if disk.free - nbytes < min(_FREE_BYTES, disk.total * _FREE_SHARE):
            raise DiskFull(path=str(self._folder))

    def _made_room(self, use: DiskUse, limit: int) -> DiskUse:
        """Counts all files and lets the least worthy go until ``limit`` bytes are left."""
        files = list(files_in(self._folder))
        nbytes, count = _thin_out(files, limit, _MOST_FILES * 9 // 10)
        return DiskUse(use.day, use.written, nbytes, count)

    def _note(self, use: DiskUse) -> None:
        with replacing(self._folder / USAGE, 0o600) as file:
            file.write(json.dumps(msgspec.to_builtins(use)).encode())


def forget_files(folder: Path, files: "Iterable[StateFile]") -> None:
    """Delete these states, and count what is left.  Raises StoreError."""
    with locked_beside(folder / USAGE):
        for one in files:
            one.delete()
        _count_again(folder)


def clear(folder: Path) -> None:
    """Delete every kept state; what else lies there stays.  Raises StoreError.

    What was written today still counts.
    """
    if not folder.is_dir():
        return
    with locked_beside(folder / USAGE):
        for one in files_in(folder):
            one.delete()
        clear_left_overs(folder, 0.0)
        for place in _folders(folder):
            clear_left_overs(place, 0.0)
            with contextlib.suppress(OSError):
                place.rmdir()  # unless something else is in it
        _count_again(folder)


def _count_again(folder: Path) -> None:
    """For whoever has locked it."""
    use, left = use_of(folder), list(files_in(folder))
    counted = DiskUse(use.day, use.written, sum(one.nbytes for one in left), len(left))
    with replacing(folder / USAGE, 0o600) as file:
        file.write(json.dumps(msgspec.to_builtins(counted)).encode())


@dataclass
class StateFile:
    """One file; ``used_s`` is when it was last used, in seconds since 1970."""

    folder: Path
    name: DiskName
    nbytes: int
    used_s: float

    def delete(self) -> None:
        """Let it go, if the system lets it."""
        with contextlib.suppress(OSError):
            (self.folder / self.name.text).unlink()

    def rename(self, name: DiskName) -> None:
        """Another program may look for it under the old name meanwhile, and looks again."""
        with contextlib.suppress(OSError):
            os.replace(self.folder / self.name.text, self.folder / name.text)


def files_in(folder: Path) -> Iterator[StateFile]:
    """All states that are kept in a folder, whatever else lies there."""
    for place in _folders(folder):
        clear_left_overs(place, _LEFT_OVER_S)
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                name = read_name(entry.name)
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if name is not None and stat.S_ISREG(status.st_mode):
                        yield StateFile(place, name, status.st_size, status.st_mtime)


def _folders(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        ours = [entry for entry in entries if is_folder(entry.name)]
        return [Path(entry.path) for entry in ours if entry.is_dir(follow_symlinks=False)]
    return []


def _thin_out(files: list[StateFile], limit: int, most: int) -> tuple[int, int]:
    """Delete until ``limit`` bytes and ``most`` files are left; bytes and files that are.

    A state that went on from one that goes costs as much more from then on as that one did.
    """
    nbytes, count, now = sum(one.nbytes for one in files), len(files), time.time()
    if nbytes <= limit and count <= most:
        return nbytes, count
    chains = _Chains(files)
    queue = [(chains.worth(place, now), place) for place in range(len(files))]
    heapq.heapify(queue)
    while queue and (nbytes > limit or count > most):
        worth, place = heapq.heappop(queue)
        if worth != (real := chains.worth(place, now)):
            heapq.heappush(queue, (real, place))  # what it goes on from has gone since
            continue
        files[place].delete()
        chains.forget(place)
        nbytes, count = nbytes - files[place].nbytes, count - 1
    chains.rename()
    return nbytes, count


class _Chains:
    """Which state of a text goes on from which, and what each costs now."""

    def __init__(self, files: list[StateFile]) -> None:
        self._files = files
        self._names = [one.name for one in files]
        self._same: dict[tuple[Path, str, int], set[int]] = {}
        self._later: dict[tuple[Path, str, int], set[int]] = {}
        self._gone: set[int] = set()
        for place, one in enumerate(files):
            self._same.setdefault(self._at(place), set()).add(place)
            before = (one.folder, one.name.before, one.name.tokens - one.name.since)
            self._later.setdefault(before, set()).add(place)

    def worth(self, place: int, now: float) -> float:
        """Tokens to be read again for each second since the last use."""
        return (self._names[place].since + 1) / max(1.0, now - self._files[place].used_s)

    def forget(self, place: int) -> None:
        """It has gone."""
        self._gone.add(place)
        at, name = self._at(place), self._names[place]
        others = self._same[at]
        others.discard(place)
        if others:
            return
        before = (at[0], name.before, name.tokens - name.since)
        for later in self._later.pop(at, set()) - self._gone:
            old = self._names[later]
            self._names[later] = old._replace(since=old.since + name.since, before=name.before)
            self._later.setdefault(before, set()).add(later)

    def rename(self) -> None:
        """Have the names of the files tell what they cost now."""
        for place, one in enumerate(self._files):
            if place not in self._gone and one.name != self._names[place]:
                one.rename(self._names[place])

    def _at(self, place: int) -> tuple[Path, str, int]:
        name = self._names[place]
        return self._files[place].folder, name.short, name.tokens
