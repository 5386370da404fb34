"""What a page may ask for when a model is to be opened; the window fulfils it."""

from pathlib import Path
from typing import Protocol


class ModelOpener(Protocol):
    """Opens models by path, and asks the person where one lies."""

    def open(self, path: Path, *, chat: bool = True) -> None:
        """Open a model; ``chat`` goes to the chat meanwhile."""

    def reopen(self, path: Path) -> None:
        """Open the open model anew in the way that is chosen for it; the page stays."""

    def choose_run(self, path: Path) -> None:
        """Let the person choose how a model is to run, and begin it."""

    def ask_file(self) -> None:
        """Let the person choose a model file, and open it."""

    def ask_folder(self) -> None:
        """Let the person choose a folder of models."""
