"""The downloads of another program, from what it writes down; touches nothing of theirs.

The journal tells what is being worked at, the records beside the parts how many bytes are there;
the speed is what lies between two looks.
"""

import msgspec

from .journal import Line
from .pace import Rate
from .queued import Item, items_of


class Observed:
    """Remembers how much was there at the looks before."""

    def __init__(self) -> None:
        self._rates: dict[str, Rate] = {}

    def items(self, lines: tuple[Line, ...]) -> list[Item]:
        """What the journal tells of, as far as it is now.  Reads files."""
        busy = {line.id for line in lines if line.busy}
        self._rates = {one: rate for one, rate in self._rates.items() if one in busy}
        return [self._seen(item, busy=item.id in busy) for item in items_of(lines)]

    def _seen(self, item: Item, *, busy: bool) -> Item:
        if not busy:
            return msgspec.structs.replace(item, elsewhere=True)
        pace = self._rates.setdefault(item.id, Rate()).note(item.done_bytes)
        left = max(0, item.total_bytes - item.done_bytes)
        return msgspec.structs.replace(
            item,
            elsewhere=True,
            state="running",
            bytes_per_s=pace,
            seconds_left=left / pace if pace and item.total_bytes else -1.0,
        )
