"""Runs the virtual environment's pip: its progress in words, its failures in one sentence."""

import os
import platform
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from .place import Place
from .room import free_gigabytes, needed_gigabytes
from .words import (
    NO_CERTIFICATE,
    NO_NETWORK,
    NO_PERMISSION,
    NO_ROOM,
    NO_VERSION,
    PIP_FAILED,
    SetupError,
    tell,
)

_FETCHED = re.compile(r"^\s*(?:Downloading|Using cached) (\S+?)-(\d\S*?)-\S+ \(([\d.]+ [MG]B)\)")
_INSTALLING = re.compile(r"^Installing collected packages: (.+)$")
_NO_MATCH = re.compile(
    r"No matching distribution found for (\S+)|The user requested \(constraint\) (\S+)"
)
_OFFLINE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ConnectionError"
    r"|ProxyError|Network is unreachable|name resolution|Connection refused|Read timed out"
    r"|Connection aborted|IncompleteRead|connection error|timed out"
)


@dataclass(frozen=True)
class Pip:
    """pip of one checkout's virtual environment.

    ``lock`` is the descriptor of the set-up's lock, which a running pip holds on to.
    ``again`` is the command that starts the launcher once more.
    """

    place: Place
    lock: int
    again: str

    def install(self, *what: str) -> None:
        """Install ``what`` (requirements and pip options) with the exact versions.

        Raises SetupError, with the reason in words, if pip does not succeed.
        """
        said: list[str] = []
        with self.place.log.open("a", encoding="utf-8") as log:
            process = self._start("install", "--progress-bar", "off", *self._pins(), *what)
            try:
                for line in _lines(process):
                    log.write(line)
                    said.append(line)
                    progress = in_words(line)
                    if progress:
                        tell("  " + progress)
                code = process.wait()
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if code != 0:
            # pip fetches everything first; only then it changes anything
            intact = not any(_INSTALLING.match(line) for line in said)
            raise SetupError(self._why("".join(said), what), intact=intact)

    def version(self, package: str) -> str:
        """The installed version of a package, with its local part; "" if it is not installed."""
        ask = f"import importlib.metadata as m; print(m.version({package!r}))"
        command = [str(self.place.python), "-I", "-c", ask]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    def report(self, *what: str) -> str:
        """What pip would install for ``what``, as its JSON report; "" if it cannot tell."""
        options = ("--dry-run", "--no-deps", "--ignore-installed", "--quiet", "--report", "-")
        done = self._run("install", *options, *self._pins(), *what)
        return done.stdout if done.returncode == 0 else ""

    def _pins(self) -> tuple[str, str]:
        return "-c", str(self.place.constraints)

    def _run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self._command(*arguments),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )

    def _start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self._command(*arguments),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            pass_fds=() if os.name == "nt" else (self.lock,),
        )

    def _command(self, *arguments: str) -> list[str]:
        quiet = ("--no-input", "--disable-pip-version-check", "--no-color")
        return [str(self.place.python), "-I", "-m", "pip", *quiet, *arguments]

    def _why(self, said: str, what: tuple[str, ...]) -> str:
        sentence, more = diagnosis(said)
        if sentence == NO_VERSION:
            # pip tells whether it reached an index at all only where it is asked to be chatty
            verbose = self._run("install", "--dry-run", "-vv", *self._pins(), *what)
            if _OFFLINE.search(verbose.stdout):
                sentence = NO_NETWORK
        facts = {
            "python": str(self.place.python),
            "again": self.again,
            "needed": needed_gigabytes(),
            "free": free_gigabytes(self.place.root),
            "folder": str(self.place.root),
            "log": str(self.place.log),
            "version": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
        }
        return sentence.format(**facts, **more)


def diagnosis(said: str) -> tuple[str, dict[str, str]]:
    """The sentence that fits what a failed pip said, and the facts found there."""
    if re.search(r"No space left on device|Errno 28|WinError 112|Disk quota exceeded", said):
        return NO_ROOM, {}
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return NO_CERTIFICATE, {}
    if _OFFLINE.search(said):
        return NO_NETWORK, {}
    if re.search(r"Permission denied|Errno 13|WinError 5\b", said):
        return NO_PERMISSION, {}
    missing = _NO_MATCH.search(said)
    if missing:
        return NO_VERSION, {"package": missing[1] or missing[2]}
    errors = [line for line in said.splitlines() if line.lower().startswith("error")]
    last = errors[-1] if errors else (said.strip().splitlines() or ["it said nothing"])[-1]
    return PIP_FAILED, {"reason": last.partition("ERROR: ")[2] or last}


def in_words(line: str) -> str:
    """What a line of pip's means to a person who waits; "" where it means nothing to them."""
    fetched = _FETCHED.match(line)
    if fetched:
        return f"fetched {fetched[1].replace('_', '-')} {fetched[2]} ({fetched[3]})"
    installing = _INSTALLING.match(line)
    if installing:
        count = installing[1].count(",") + 1
        return f"installing {count} package{'s' if count > 1 else ''}"
    return ""


def _lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    if process.stdout is not None:
        yield from process.stdout


def _environment() -> dict[str, str]:
    """The person's own, less what would send packages elsewhere than the virtual environment."""
    elsewhere = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_QUIET", "PIP_DRY_RUN"}
    kept = {name: value for name, value in os.environ.items() if name not in elsewhere}
    return kept | {"PIP_USER": "0"}
