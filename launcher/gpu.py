"""Offers the packages of the GPU path where an NVIDIA driver is found; without one, nothing."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .place import Place
from .words import tell

# extra, oldest driver it needs, size of its download in MB (CuPy 14.2, NVRTC and cuBLAS)
_EXTRAS = (("cuda13", 580, 572), ("cuda12", 525, 807))


def offer(place: Place, *, anew: bool = False) -> frozenset[str]:
    """The GPU extra that the person wants, asked at most once and only at a terminal.

    ``anew``: who said no is asked once more.
    """
    answer = _answers(place).get("gpu")
    if isinstance(answer, str) and (answer or not anew):
        return frozenset({answer}) if answer else frozenset()
    fitting = extra_for(driver_version())
    if fitting is None:
        return frozenset()
    extra, megabytes = fitting
    tell(
        "An NVIDIA driver was found. To compute on the card, Rookery needs the packages of "
        f"rookery[{extra}] ({megabytes} MB to fetch), and nothing else."
    )
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return frozenset()
    sys.stderr.write("Fetch them now? [y/N] ")
    sys.stderr.flush()
    wanted = extra if sys.stdin.readline().strip().lower() in {"y", "yes"} else ""
    answers_file(place).write_text(json.dumps({"gpu": wanted}), encoding="utf-8")
    return frozenset({wanted}) if wanted else frozenset()


def extra_for(driver: int) -> tuple[str, int] | None:
    """The extra, and its MB, for a driver's major version; None where none fits."""
    fitting = (row for row in _EXTRAS if driver >= row[1])
    return next(((name, megabytes) for name, _, megabytes in fitting), None)


def driver_version(note: Path = Path("/proc/driver/nvidia/version")) -> int:
    """The NVIDIA driver's major version; 0 where there is none."""
    try:
        text = note.read_text(encoding="utf-8")
    except OSError:
        text = _ask_driver()
    found = re.search(r"\b(\d{3})\.\d+", text)
    return int(found[1]) if found else 0


def answers_file(place: Place) -> Path:
    """Where the person's answer is remembered."""
    return place.notes / "answers.json"


def _ask_driver() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    command = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _answers(place: Place) -> dict[str, object]:
    try:
        found = json.loads(answers_file(place).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
