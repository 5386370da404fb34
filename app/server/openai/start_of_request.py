"""The state that a request names to begin with."""

import os

from app.runtime.protocol.states import StartState
from app.server.offered_models import OfferedModels


async def start_of(name: str | None, offered: OfferedModels) -> StartState | None:
    """The state of this name; one made in another format serves.  Raises ServerRefused."""
    if not name:
        return None
    path = await offered.state(name)
    return StartState(os.fsencode(path.absolute()), other_format=True)
