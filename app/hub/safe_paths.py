"""Which paths of a hub are accepted: valid on every system, and not those of our own records."""

import re
from pathlib import PurePosixPath

from app.errors import UnsafeName
from app.runtime.origin import NOTE

PART, RECORD, LIVE = ".part", ".part.json", ".part.live"
"""What lies beside a growing file: its bytes and its two records."""

_LONGEST = 200  # bytes of a name: file systems take 255, and endings are added while it grows
_LONGEST_PATH = 240  # letters
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d¹²³]) *(\.|$)", re.IGNORECASE | re.ASCII
)
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
_OWN_ENDINGS = (PART, RECORD, LIVE, NOTE)


def safe(file: str) -> PurePosixPath:
    """``file``, a path in a repository, as a relative path that is valid on every system.

    Raises UnsafeName if it leads outside, is absolute, hidden, reserved, too long or unprintable,
    or is the name of one of this program's own records.
    """
    if not is_safe(file):
        raise UnsafeName(file=file)
    return PurePosixPath(*file.split("/"))


def is_safe(file: str) -> bool:
    """Whether ``safe`` accepts the path."""
    return len(file) <= _LONGEST_PATH and all(map(_is_safe, file.split("/")))


def _is_safe(piece: str) -> bool:
    return bool(
        piece
        and piece[0] not in ". ~-"
        and piece[-1] not in ". "
        and piece.isprintable()
        and not _FORBIDDEN.search(piece)
        and not _RESERVED.match(piece)
        and len(piece.encode("utf-8", "replace")) <= _LONGEST
        and not piece.lower().endswith(_OWN_ENDINGS)
    )
