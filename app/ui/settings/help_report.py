"""What helps to find a mistake, as text: versions, machine, settings, crashes, the end of the log.

Nothing that a person or a model wrote is in it, and no secret.  It reads files: for a thread.
"""

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from app.messages.gpu_status import gpu_in_words
from app.messages.units import size
from app.store.paths import Paths
from app.store.settings import Values
from app.system.crash_log import Crash, crashes
from app.system.gpus import Gpu
from app.system.log import NAME
from app.system.log_file import tail
from app.system.log_lines import without_secrets
from app.system.memory import available_bytes, total_bytes
from app.system.processor import processor_name
from app.system.threads import physical_cores
from app.ui.widgets.about import versions

_LINES = 200
_CRASHES = 3
_LONGEST_CRASH = 20_000
_SHOWN = frozenset(
    (
        *("theme", "folders", "model", "strategy", "files", "strategies", "page"),
        *("hub_source", "hub_mirror", "hub_proxy", "download_folder"),
        *("default_template", "default_think", "default_sampling"),
    )
)
"""Settings whose words are shown; of all others only numbers and choices are."""

_TEXT = " DEBUG text: "  # prompts and replies, where the log was asked to keep them
_LEFT_OUT = ("window", "conversation")


def machine_lines(gpus: Sequence[Gpu]) -> list[str]:
    """Versions and system, processor and memory, and graphics cards, a line each."""
    cores = f"{physical_cores()} cores, {os.cpu_count() or 1} threads"
    memory = f"{size(total_bytes())} of memory, {size(available_bytes())} free"
    return [
        versions(),
        f"{processor_name() or platform.machine()}, {cores}, {memory}",
        *(map(gpu_in_words, gpus) if gpus else ["No NVIDIA card"]),
    ]


def report_text(paths: Paths, chosen: Values, gpus: Sequence[Gpu]) -> str:
    """The whole report; the person's own folder is written ``~``."""
    now = datetime.now().astimezone().isoformat(" ", "seconds")
    parts = [f"Rookery, report of {now}", "\n".join(machine_lines(gpus))]
    parts += [_crash_part(crash) for crash in crashes(paths.logs)[:_CRASHES]]
    parts.append("\n".join(["Settings", *_settings(chosen)]))
    lines = [line for line in tail(paths.logs / NAME, _LINES) if _TEXT not in line] or ["(empty)"]
    parts.append("\n".join([f"The last lines of {paths.logs / NAME}", *lines]))
    return _without_home(without_secrets("\n\n".join(parts))) + "\n"


def _settings(chosen: Values) -> Iterator[str]:
    for name in Values.__struct_fields__:
        value = getattr(chosen, name)
        if name in _LEFT_OUT:
            continue
        if name in _SHOWN or isinstance(value, bool | int | float):
            yield f"  {name} = {msgspec.json.encode(value).decode()}"
        else:
            yield f"  {name}: {len(str(value)) if value else 0} characters, not shown"


def _crash_part(crash: Crash) -> str:
    when = datetime.fromtimestamp(crash.when_s).astimezone().isoformat(" ", "seconds")
    return f"Crash of the {crash.kind}, {when}\n{crash.text[:_LONGEST_CRASH].rstrip()}"


def _without_home(text: str) -> str:
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text
