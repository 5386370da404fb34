"""How turns are written for a model, as a value that is stored and sent; writes nothing itself."""

import msgspec


class Template(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way to write turns: what stands around them and what ends a reply.

    ``user`` and ``reply`` open a turn of each, ``system`` the system text (where there is one,
    ``user_below_system`` may open users' turns instead, and ``intro`` falls away).  ``between``
    closes every turn and ``join`` stands between a reply's opening and its text.  ``reply`` ""
    means that the user's text itself is continued.  ``open_thought`` and ``fake_thought`` follow
    the last opening in the think modes.  ``marker`` may stand in no turn's text, and replies
    with ``paragraphs`` keep their blank lines.
    """

    user: str
    reply: str
    system: str = ""
    user_below_system: str = ""
    intro: str = ""
    between: str = "\n\n"
    join: str = " "
    stops: tuple[str, ...] = ()
    open_thought: str = ""
    fake_thought: str = ""
    marker: str = ""
    paragraphs: bool = False
