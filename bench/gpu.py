"""Everything about a card in one command: is it right, how fast is it, how much of it is reached.

    python -m bench.gpu [--quick] [--only rates,kernels,…] [--device cuda:1] [--output FILE]

Prints Markdown for docs/performance.md.  Each part runs in a process of its own, so that one that
fails, or hangs, costs no other; what fails is said at the end, and the exit status is then 1.
Needs no more than ``launch.py`` installs; the parts that compare need torch with CUDA and rwkv.
"""

import argparse
import datetime
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .gpu_report import markdown

Row = dict[str, Any]

PARTS = ("rates", "kernels", "models", "7.2B", "0.4B", "package", "1.5B", "2.9B")
_MOST_S = {"rates": 60, "kernels": 80, "models": 70, "7.2B": 150, "package": 80}
_USUAL_S = 70
_LEAST_S = 15
_GRACE_S = 20  # for what a part is at when its time is up
_NEEDED = ("torch", "numpy", "msgspec", "psutil")
_ROOT = Path(__file__).parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do it all; 0 if everything was right."""
    begun = time.monotonic()
    asked = _options().parse_args(arguments)
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"These packages are missing in {sys.executable}: {', '.join(missing)}.")
        return 1
    parts = asked.only.split(",") if asked.only else _usual(quick=asked.quick)
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        print(f"There is no part {', '.join(unknown)}; there are {', '.join(PARTS)}.")
        return 1
    with tempfile.TemporaryDirectory() as asked.cache:
        return _measure(parts, asked, begun)


def _measure(parts: list[str], asked: argparse.Namespace, begun: float) -> int:
    rows: list[Row] = []
    troubles: list[str] = []
    # what is measured is told as a share of these, and without a card there is nothing else
    for part in ["rates", *(one for one in parts if one != "rates")]:
        left = 60 * asked.minutes - (time.monotonic() - begun)
        if left < _LEAST_S:
            troubles.append(f"{part}: left out, as the time was up")
            continue
        found, trouble = _run(part, asked, _rates(rows), left)
        no_gpu = next((row["no_card"] for row in found if "no_card" in row), None)
        if no_gpu:
            print(no_gpu)
            return 1
        rows += found
        troubles += [f"{part}: {one}" for one in trouble]
    text = markdown(rows, troubles, _origin(rows, time.monotonic() - begun))
    print(text)
    if asked.output:
        Path(asked.output).write_text(text + "\n", encoding="utf-8")
    wrong = any(row.get("passed") is False for row in rows)
    return 1 if wrong or any("ended" in one for one in troubles) else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small shapes, 0.4B in fp16 alone")
    parser.add_argument("--only", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--device", default="cuda", help="cuda, or cuda:N for another card")
    parser.add_argument("--minutes", type=float, default=7.5, help="for all of it")
    parser.add_argument("--output", help="a file for the tables, too")
    return parser


def _usual(*, quick: bool) -> list[str]:
    return ["rates", "kernels", "models", "0.4B", "package"] if quick else list(PARTS)


def _run(
    part: str, asked: argparse.Namespace, rates: Row, left_s: float
) -> tuple[list[Row], list[str]]:
    """A part's rows, and what was wrong with it."""
    seconds = max(1.0, min(_MOST_S.get(part, _USUAL_S), left_s - _GRACE_S))
    _say(f"{part}: at most {seconds:.0f} s")
    command = _command(part, seconds, asked, rates)
    rows: list[Row] = []
    trouble: list[str] = []
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=said, text=True, encoding="utf-8"
        )
        alarm = threading.Timer(seconds + _GRACE_S, process.kill)
        alarm.start()
        try:
            for row in _read(process.stdout or ()):
                if "note" in row and "table" not in row:
                    trouble.append(row["note"])
                else:
                    rows.append({"part": part} | row)
            code = process.wait()
        finally:
            alarm.cancel()
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if code:
            trouble.append(_why(code, said, late=not alarm.is_alive() and code == -9))
    for one in trouble:
        _say(f"{part}: {one}")
    return rows, trouble


def _command(part: str, seconds: float, asked: argparse.Namespace, rates: Row) -> list[str]:
    options = ["--seconds", f"{seconds:.0f}", "--device", asked.device]
    options += ["--rates", json.dumps(rates), *["--quick"] * asked.quick]
    options += ["--cache", asked.cache]
    return [sys.executable, "-m", "bench.gpu_part", part, *options]


def _read(lines: Iterable[str]) -> Iterable[Row]:
    """Rows as they come; what another library printed is passed over."""
    for line in lines:
        if line.startswith("{"):
            row: Row = json.loads(line)
            yield row


def _why(code: int, said: Any, *, late: bool) -> str:
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
    if late:
        return "ended by force: it did not come to its end in time"
    return f"ended with {code}: {lines[-1]}"


def _rates(rows: list[Row]) -> Row:
    """The card's; shares are left out where they could not be measured."""
    found = next((row for row in rows if row.get("table") == "rates"), {})
    return {"copy": found.get("copy", 0.0), "matrix": found.get("matrix", 0.0)}


def _origin(rows: list[Row], taken_s: float) -> Row:
    gpu = next((row for row in rows if row.get("table") == "rates"), {})
    today = datetime.date.today().isoformat()
    return {**gpu, "date": today, "commit": _commit(), "taken_s": taken_s}


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown commit"
    command = [git, "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown commit"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
