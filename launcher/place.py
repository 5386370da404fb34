"""Where everything of a set-up lies inside one checkout; touches no file."""

import os
from pathlib import Path


class Place:
    """A checkout and the paths of its virtual environment, notes and lists of packages."""

    # A plain class: dataclasses would double the time that a second start takes.
    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def venv(self) -> Path:
        """The virtual environment."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The virtual environment's interpreter."""
        return self.script("python")

    @property
    def stamp(self) -> Path:
        """Written last: says what the virtual environment holds, vanishes with it."""
        return self.venv / "rookery.json"

    @property
    def unfinished(self) -> Path:
        """There from the first change to the virtual environment until the last one is done."""
        return self.notes / "unfinished"

    @property
    def notes(self) -> Path:
        """The launcher's own folder: lock, log, answers."""
        return self.root / ".setup"

    @property
    def log(self) -> Path:
        """All that pip and apt-get said in the last set-up."""
        return self.notes / "log.txt"

    @property
    def project(self) -> Path:
        """The list of what the program needs, as ranges."""
        return self.root / "pyproject.toml"

    @property
    def constraints(self) -> Path:
        """The exact versions."""
        return self.root / "constraints.txt"

    @property
    def kernels(self) -> Path:
        """The sources of the native kernels, and the library that is built from them."""
        return self.root / "app" / "kernels" / "native"

    def script(self, name: str) -> Path:
        """The path of an installed program of the virtual environment."""
        if os.name == "nt":
            return self.venv / "Scripts" / f"{name}.exe"
        return self.venv / "bin" / name
