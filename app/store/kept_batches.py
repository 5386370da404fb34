"""What the window keeps of a batch, so that it can go on with it after a restart."""

import msgspec

from .documents.document_records import WritingSettings


class KeptBatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rows of ``input`` through ``template`` into ``output``, written as ``settings`` say.

    ``column`` is the one that {{text}} means, "" where that is clear.  With ``chat`` each prompt is
    a message that is answered, turns written as ``chat_template`` has them.  ``begun``: the output
    is its own; ``running``: it was going on when this was kept.  ``model`` and ``strategy`` are the
    ones that it was begun with, ``group`` how many rows run together (0: what there is room for).
    ``rows`` and ``done`` tell how far it was; ``created`` is in seconds since 1970.
    """

    id: str
    input: str
    output: str
    template: str = ""
    column: str = ""
    chat: bool = False
    chat_template: str = ""
    settings: WritingSettings = WritingSettings()
    group: int = 0
    model: str = ""
    strategy: str = ""
    begun: bool = False
    running: bool = False
    rows: int = 0
    done: int = 0
    created: float = 0.0
