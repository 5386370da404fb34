"""What is said of a model that is open and can neither read nor write words."""

from pathlib import Path

from app.errors import TextRefused, TokenizerMissing
from app.runtime.checkpoint.file_names import MIDI_TOKENIZERS, NEOX_TOKENIZERS
from app.runtime.protocol.messages import Loaded

_WANTED = {"neox20b": NEOX_TOKENIZERS[0], **MIDI_TOKENIZERS}


def why_no_words(loaded: Loaded) -> str:
    """The sentences that a text sent to it would end in; reads no file."""
    from app.messages.failures import say  # the sentences are read only when one is needed

    wanted = _WANTED.get(loaded.tokenizer)
    if wanted is None:
        return say(TextRefused()).sentences
    return say(TokenizerMissing(wanted=wanted, folder=str(Path(loaded.path).parent))).sentences
