"""Every sentence with which a set-up can end, and the way messages reach the person."""

import sys


class SetupError(Exception):
    """The set-up cannot go on; its text is the one sentence to show.

    ``intact`` tells that the virtual environment is as it was before the step that failed.
    """

    def __init__(self, sentence: str, *, intact: bool = False) -> None:
        super().__init__(sentence)
        self.intact = intact


def tell(text: str) -> None:
    """Show one line of progress, away from the program's own output."""
    print(text, file=sys.stderr, flush=True)


NO_DISPLAY = (
    "There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set): starting the "
    "terminal chat."
)
KERNELS_LEFT_OUT = (
    "{reason} Rookery computes with PyTorch instead, at about half the speed. To change that, "
    "install a C++ compiler and run: python3 launch.py setup"
)
NO_NETWORK = (
    "The package index cannot be reached, so Rookery's packages cannot be fetched: check the "
    "network (or pip's settings: {python} -m pip config list), then run again: {again}"
)
NO_CERTIFICATE = (
    "The package index was reached, but its certificate is not trusted here: set pip's option "
    "for your network's certificates (PIP_CERT=FILE), then run again: {again}"
)
NO_ROOM = (
    "The disk is full: Rookery needs about {needed:.1f} GB in {folder}, and {free:.1f} GB are "
    "free. Make room, then run again: {again}"
)
NO_PERMISSION = (
    "Nothing may be written in {folder}. Copy Rookery to a folder of your own, then run "
    "launch.py there."
)
NO_VENV = (
    "This Python cannot make virtual environments (its ensurepip is missing). Install it with: "
    "{command}   and run again: {again}"
)
NO_VERSION = (
    "The package index has no {package} that fits this machine (Python {version} on {system})."
)
ONLY_CUDA = (
    "The package index offers torch for this machine only with several GB of CUDA, which Rookery "
    "does not use, and PyTorch's own index of CPU builds ({index}) does not answer. Run again "
    "where it can be reached, or take the large one: ROOKERY_TORCH=any {again}"
)
NO_LIBRARIES = (
    "The window needs system libraries that are missing ({missing}). Install them with: {command}"
)
LIBRARIES_UNNAMED = "your system's package manager (the libraries {missing})"
PIP_FAILED = "pip could not install the packages: {reason} (everything it said is in {log})"
INTEL_MAC = (
    "PyTorch is no longer made for Macs with an Intel processor, so Rookery cannot run here."
)
NOT_64_BIT = "Rookery needs a 64-bit Python; this one ({python}) is a 32-bit one."
INTERRUPTED = "Stopped. The next start repairs whatever is left unfinished."
USAGE = """\
python3 launch.py               open the window (the terminal chat where there is no display)
python3 launch.py VERB ...      run a verb of the program; VERB --help explains it: chat, generate,
                                batch, compare, serve, models, search, download, verify, inspect,
                                plan, score, state, bench, pack, cards, log
python3 launch.py test          run every check and test; further words go to pytest
python3 launch.py setup         only set up: a virtual environment in .venv; where there is an
                                NVIDIA driver it offers the packages for the card once more
python3 launch.py bundle        make dist/rookery, a folder that runs without Python beside it

The first start sets up by itself; later starts find that done."""
