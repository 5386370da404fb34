"""What token ids a text is, and which text ids are: what is asked of a worker, and its answer."""

from .message_base import Message
from .prompts import Prompt


class Encode(Message, frozen=True, tag=True, kw_only=True):
    """Tell the token ids of ``prompt``, and run no model; answered by one Encoded.

    ``document``: a text is encoded as it stands, and not as what a reply follows.
    """

    prompt: Prompt
    document: bool = True


class Encoded(Message, frozen=True, tag=True, kw_only=True):
    """The ``ids`` in a ``vocabulary``, packed as in a TokenSpan, and the ``text`` that they give.

    ``lengths``, packed as well, are how many characters of the text each of them ends: 0 where a
    character is whole only with the token after it.  A character that is cut at the end is not in
    the text.  Where ids do not give the text that was asked about (a vocabulary may write letters
    in another way), ``text`` is that which was asked about, and all of it ends with the last token.
    """

    vocabulary: str
    text: str
    ids: bytes
    lengths: bytes
