"""What the name of a kept state's file tells; so nothing but names is read to find one.

Files of one starting point lie in one folder.  A name has the key, how the state was computed, and
the state of the same text that is kept before it: what it would cost to compute it again.
"""

import hashlib
import re
from typing import NamedTuple

from .state_key import StartingPoint

ENDING = ".state"
_FORM = re.compile(
    r"(\d{12,18})_([0-9a-f]{32})_(\d{1,18})_([0-9a-f]{16})_([a-z0-9]{1,16})_([ea])([ln])_"
    r"([0-9a-f]{16})\.state",
    re.ASCII,
)
_FOLDER = re.compile(r"[0-9a-f]{32}", re.ASCII)
_FORMAT = re.compile(r"[a-z0-9]{1,16}", re.ASCII)
_BEFORE = 16  # digits of a digest that tell states of one text apart
NOTHING = "0" * _BEFORE
"""In place of the state before, or of the cuts: there is none, or they are not known."""


class DiskName(NamedTuple):
    """The state after ``tokens`` tokens with the digest ``prefix``.

    It is read again from the state ``before`` (the beginning of that one's digest), which lies
    ``since`` tokens earlier.  ``exact``: all of it was computed in ``format`` and nothing was
    rounded.  ``logits``: those after the last token are in the file.  ``cuts`` tells where the text
    was cut while it was read, see ``straight_reads``.
    """

    tokens: int
    prefix: str
    since: int
    before: str
    format: str
    exact: bool
    logits: bool
    cuts: str = NOTHING

    @property
    def text(self) -> str:
        """The name of the file."""
        flags = ("e" if self.exact else "a") + ("l" if self.logits else "n")
        return (
            f"{self.tokens:012d}_{self.prefix}_{self.since}_{self.before}_{self.format}"
            f"_{flags}_{self.cuts}{ENDING}"
        )

    @property
    def place(self) -> tuple[int, str]:
        """What it is the state of, within its folder."""
        return self.tokens, self.prefix

    @property
    def short(self) -> str:
        """As which a later state of the text names it."""
        return self.prefix[:_BEFORE]

    def serves_as(self, other: "DiskName") -> bool:
        """Whether it is as good as ``other``, which is of the same tokens, for every use."""
        same = self.place == other.place and self.format == other.format
        return same and self.exact >= other.exact and self.logits >= other.logits


def read_name(text: str) -> DiskName | None:
    """What a file's name tells; None for a name that is none of ours."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    tokens, prefix, since, before, form, exact, logits, cuts = match.groups()
    read = DiskName(
        int(tokens), prefix, int(since), before, form, exact == "e", logits == "l", cuts
    )
    return read if read.since <= read.tokens and read.text == text else None


def can_be_named(form: str) -> bool:
    """Whether a state of this format of weights can be kept."""
    return _FORMAT.fullmatch(form) is not None


def folder_of(point: StartingPoint) -> str:
    """The name of the folder of all states that began there."""
    return hashlib.blake2b("\0".join(point).encode(), digest_size=16).hexdigest()


def is_folder(name: str) -> bool:
    """Whether a folder of that name may be one of ours."""
    return _FOLDER.fullmatch(name) is not None
