"""How far apart the states of a text that is edited are kept: thinner with the distance."""

CLOSEST = 32
"""Tokens between two states near the end."""

_SHARE = 8  # an edit costs at most so little of its distance from the end
_FURTHEST = 256  # tokens between two places of ``close_places``: prompts are cut there anyway


def gap_at(distance: int) -> int:
    """How many tokens may lie between two states, so many before the end of the text.

    32 in the last 512 tokens, 64 in the 512 before them, and so on: whoever edits there reads at
    most an eighth of the distance anew, or 32 tokens, besides what follows the edit.
    """
    return int(max(CLOSEST, 1 << max((distance // _SHARE).bit_length() - 1, 0)))


def close_places(end: int) -> tuple[int, ...]:
    """Where the state is kept while a text of ``end`` tokens is read, from its end back.

    They are multiples of their distance, so that the same text with more behind it has them, too;
    and they end where prompts are cut as often.
    """
    found: list[int] = []
    at = end
    while at > 0 and (gap := gap_at(end - at)) < _FURTHEST:
        at = (at - 1) // gap * gap
        if at > 0:
            found.append(at)
    return tuple(found)
