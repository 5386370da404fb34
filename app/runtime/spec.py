"""The shape of a model, as found from tensor names and shapes; knows no file and no array."""

import msgspec


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """Generation and sizes of one model.

    ``generation`` is "4", "5.0", "5.1", "5.2", "6.0" or "7.0".  ``heads`` and ``head_size``
    are 0 in generation 4, which has neither.  ``attention_width`` is heads x head_size
    (the width in generation 4).
    """

    generation: str
    layers: int
    width: int
    heads: int
    head_size: int
    attention_width: int
    ffn_width: int
    vocabulary: int
    parameters: int


def tokenizer_for(vocabulary: int) -> str:
    """The word for the tokenizer that models with so many tokens use; "none" if none is known."""
    if 50277 <= vocabulary <= 50432:
        return "neox20b"
    if 65530 <= vocabulary <= 65536:  # trained with a head that is no longer than the table
        return "world"
    return _TOKENIZERS.get(vocabulary, "none")


_TOKENIZERS = {256: "bytes", 128: "abc", 20096: "midi", 2176: "midi-piano"}
