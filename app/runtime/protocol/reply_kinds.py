"""Which messages a worker answers which request with."""

from .encodings import Encode, Encoded
from .message_base import Message
from .messages import (
    Done,
    Failed,
    Generate,
    Load,
    Loaded,
    LoadProgress,
    Measure,
    Measured,
    MeasureRates,
    Piece,
    Prefilled,
    Rated,
    ReplyBegun,
)
from .scores import Score, Scored
from .states import (
    HandOver,
    LoadState,
    Park,
    Parked,
    SaveState,
    StateLoaded,
    StateSeen,
    StatesHandedOver,
    StatesTaken,
    TakeOver,
    TakeStates,
)
from .vocabulary_messages import ReadVocabulary, Vocabulary

REPLIES: dict[type[Message], tuple[type[Message], ...]] = {
    Load: (LoadProgress, Loaded, Failed),
    Generate: (ReplyBegun, Prefilled, Piece, StateSeen, Done, Failed),
    Score: (Scored, Done, Failed),
    Encode: (Encoded, Failed),
    ReadVocabulary: (Vocabulary, Failed),
    Measure: (Measured, Failed),
    MeasureRates: (Rated, Failed),
    LoadState: (StateLoaded, Failed),
    SaveState: (Prefilled, StatesTaken, Failed),
    TakeStates: (Prefilled, StateSeen, StatesTaken, Failed),
    HandOver: (StatesHandedOver, Failed),
    TakeOver: (StatesHandedOver, Failed),
    Park: (Parked, Failed),
}
"""The events of a request, and its endings, of which one comes last."""

ENDINGS = (
    *(Loaded, Done, Encoded, Vocabulary, Measured, Rated),
    *(StateLoaded, StatesTaken, StatesHandedOver, Parked),
)
"""All endings but Failed."""
