"""What a batch was begun with, kept beside its output, so that it goes on with the same.

It has the name of the output with .job.json behind it.  It is written before the first row and
stays: it tells how the output was made.
"""

from pathlib import Path
from typing import Any

import msgspec

from app.errors import RequestRefused
from app.messages.translate import tr, tr_noop
from app.system.atomic_file import replacing
from app.system.json_file import decode, encode
from app.system.small_file import read_small

_MOST_BYTES = 64 << 20  # a template may be long
_VERSION = 1


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on which a row's text depends, and how many rows run together (``group``).

    ``model`` is the fingerprint of its weights, ``backend`` what computes, ``input`` the digest of
    the rows' file.  ``options`` are the limit, stops and sampling with its seed: row i has
    seed + i.  ``start`` is the checksum of the state that every row begins with.
    """

    version: int = _VERSION
    model: str
    strategy: str
    backend: str
    input: str
    template: str
    column: str
    chat: str
    options: dict[str, Any]
    start: str
    group: int


_NAMES = {
    "version": tr_noop("the version of the program"),
    "model": tr_noop("the model"),
    "strategy": tr_noop("the strategy"),
    "backend": tr_noop("what computes"),
    "input": tr_noop("the rows"),
    "template": tr_noop("the template"),
    "column": tr_noop("the column of {{text}}"),
    "chat": tr_noop("the chat template"),
    "start": tr_noop("the state to begin with"),
    "group": tr_noop("the rows in a group"),
}


def job_path(output: Path) -> Path:
    """Where the job of an output is kept."""
    return output.with_name(f"{output.name}.job.json")


def keep(job: Job, output: Path) -> None:
    """Write it beside the output.  Raises DiskFull and StoreError."""
    with replacing(job_path(output)) as file:
        file.write(encode(job, indent=2))


def kept(output: Path) -> Job | None:
    """The job that an output was begun with; None where none can be read."""
    try:
        return decode(read_small(job_path(output), _MOST_BYTES), Job)
    except (OSError, ValueError):
        return None


def check_same(before: Job, now: Job, output: Path) -> None:
    """Raise RequestRefused (why "job-differs") if the rows that are missing would be made anew.

    The words name what differs, with both values where they are short.
    """
    told = []
    for name in Job.__struct_fields__:
        old, new = getattr(before, name), getattr(now, name)
        if name == "options":
            told += [_told(key, old.get(key), new.get(key)) for key in sorted(old.keys() | new)]
        else:
            told.append(_told(tr(_NAMES[name]), old, new))
    differing = [words for words in told if words]
    if differing:
        raise RequestRefused(why="job-differs", path=str(output), found="; ".join(differing))


def _told(name: str, old: Any, new: Any) -> str:
    if old == new:
        return ""
    values = tr(" ({old} before, {new} now)").format(old=old, new=new)
    return name + (values if len(values) < 80 and not isinstance(old, list | dict) else "")
