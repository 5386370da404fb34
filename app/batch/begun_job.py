"""Beginning a batch, or going on with one: its output is made ready, and its job kept or compared.

The same for the command line and the window.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from app.errors import RequestRefused
from app.runtime.planning.machine import Machine
from app.runtime.planning.strategy import parse
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Loaded

from .batch_run import RowRequests
from .groups import group_size
from .job import Job, check_same, job_path, keep, kept
from .output_file import OutputFile
from .row_files import Summary

_SEEDS = 2**31


def job_before(output: Path, *, resume: bool) -> Job | None:
    """What an output was begun with, looked for before a model is loaded for it.

    Raises RequestRefused (why "output-exists", "job-missing") where it may not be gone on with.
    """
    there = os.path.lexists(output)
    if there and not resume:
        raise RequestRefused(why="output-exists", path=str(output))
    before = kept(output) if resume else None
    if there and before is None and os.path.getsize(output):
        raise RequestRefused(why="job-missing", path=str(output), wanted=job_path(output).name)
    return before


def seeded(options: GenerateOptions, before: Job | None) -> GenerateOptions:
    """Where no seed was asked for one is drawn and kept, so that a resume has the same."""
    sampling = options.sampling
    if sampling.seed is not None:
        return options
    seed = None if before is None else before.options.get("seed")
    if not isinstance(seed, int):
        seed = secrets.randbelow(_SEEDS) if sampling.temperature else 0
    return msgspec.structs.replace(options, sampling=msgspec.structs.replace(sampling, seed=seed))


@dataclass(frozen=True)
class Beginning:
    """What a batch begins with; ``start`` is the checksum of the state that rows begin with.

    ``group`` 0 is as many rows as fit into what ``machine`` has left.
    """

    loaded: Loaded
    requests: RowRequests
    found: Summary
    machine: Machine
    start: str = ""
    group: int = 0

    def job(self, before: Job | None) -> Job:
        """The job of a run that goes on with ``before``."""
        loaded, requests = self.loaded, self.requests
        named: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(requests.options))
        group = self.group or (before.group if before else 0)
        return Job(
            model=loaded.fingerprint,
            strategy=loaded.strategy,
            backend=loaded.backend,
            input=self.found.digest,
            template=requests.template.text,
            column=requests.template.column or "",
            chat=_in_words(requests),
            options={
                **named["sampling"],
                **{name: named[name] for name in ("limit", "stops", "grammar")},
            },
            start=self.start,
            group=group or group_size(loaded.spec, parse(loaded.strategy), self.machine),
        )

    def make_ready(self, output: OutputFile, before: Job | None) -> Job:
        """Take back what was cut, and keep the job where nothing is there yet.

        Raises RequestRefused (why "job-differs", "output-other"), DiskFull and StoreError.
        """
        job = self.job(before)
        if before is not None and not output.is_empty:
            check_same(before, job, output.path)
        output.keep_groups_of(job.group, self.found.rows)
        if not output.lines:
            keep(job, output.path)
        return job


def _in_words(requests: RowRequests) -> str:
    chat = requests.chat
    if chat is None:
        return ""
    said = "".join(f", {turn.role}: {turn.text}" for turn in chat.turns)
    return f"{chat.template}, think {chat.think}{said}"
