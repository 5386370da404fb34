"""What is said of a model that is open and can neither read nor write words."""

from pathlib import Path

from app.errors import TextRefused, TokenizerDamaged, TokenizerMissing
from app.runtime.checkpoint.file_names import MIDI_TOKENIZERS, NEOX_TOKENIZERS
from app.runtime.protocol.messages import Loaded

_WANTED = {"neox20b": NEOX_TOKENIZERS[0], **MIDI_TOKENIZERS}


def why_no_words(loaded: Loaded) -> str:
    """The sentences that a text sent to it would end in; looks for its file, but not into it."""
    from app.messages.failures import say  # the sentences are read only when one is needed

    wanted = _WANTED.get(loaded.tokenizer)
    if wanted is None:
        return say(TextRefused()).sentences
    folder = Path(loaded.path).parent
    if (folder / wanted).exists():
        return say(TokenizerDamaged(path=str(folder / wanted))).sentences
    return say(TokenizerMissing(wanted=wanted, folder=str(folder))).sentences
