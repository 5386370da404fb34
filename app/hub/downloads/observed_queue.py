"""The downloads of another program, read from its files, which are never written to.

Its journal says what is running, the records beside the parts how many bytes have arrived; the
speed is computed from two readings.
"""

import msgspec

from . import download_protocol
from .item import Item, items_of
from .journal import Line
from .rate_limit import Rate


class ObservedQueue:
    """Remembers how many bytes had arrived at earlier readings."""

    def __init__(self) -> None:
        self._rates: dict[str, Rate] = {}

    def items(self, lines: tuple[Line, ...]) -> list[Item]:
        """The items of these lines as they are now. Reads files."""
        at_work = {line.id: line for line in lines if line.work}
        self._rates = {one: rate for one, rate in self._rates.items() if one in at_work}
        return [self._seen(item, at_work.get(item.id)) for item in items_of(lines)]

    def _seen(self, item: Item, line: Line | None) -> Item:
        item = msgspec.structs.replace(item, elsewhere=True)
        if line is None or not line.work:
            return item
        bytes_per_s = self._rates.setdefault(item.id, Rate()).note(item.done_bytes)
        if line.work != "running":
            failure = download_protocol.failure_from_fields(line.code, line.facts)
            return msgspec.structs.replace(item, state=line.work, failure=failure)
        left = max(0, item.total_bytes - item.done_bytes)
        return msgspec.structs.replace(
            item,
            state="running",
            bytes_per_s=bytes_per_s,
            seconds_left=left / bytes_per_s if bytes_per_s and item.total_bytes else -1.0,
        )
