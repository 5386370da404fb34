"""Where the messages of a conversation lie on a map: how deep, and in which lane; draws nothing."""

from .message_tree import Tree

Place = tuple[int, int]


def places_of_messages(tree: Tree) -> dict[str, Place]:
    """Column and lane of each message: the first answer to one stays in its lane.

    A message lies one column right of what it answers.
    """
    found: dict[str, Place] = {}
    next_lane = 0
    waiting = [(root, 0, -1) for root in reversed(tree.answers(None))]
    while waiting:
        ident, column, lane = waiting.pop()
        if ident in found:
            continue
        if lane < 0:
            lane, next_lane = next_lane, next_lane + 1
        found[ident] = (column, lane)
        below = tree.answers(ident)
        waiting += [(one, column + 1, -1) for one in reversed(below[1:])]
        waiting += [(one, column + 1, lane) for one in below[:1]]
    return found
