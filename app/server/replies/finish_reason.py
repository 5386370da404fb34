"""Why a text ended, in the words of other programs."""

from app.runtime.protocol.messages import Done

_FINISH = {"end": "stop", "stop": "stop", "stopped": "stop", "limit": "length"}


def finish_reason(done: Done, *, calls: bool = False) -> str:
    """ "stop", "length", "tool_calls", or "content_filter" where bans left nothing that fits."""
    return "tool_calls" if calls else _FINISH.get(done.reason, "content_filter")
