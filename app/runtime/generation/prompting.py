"""A request's prompt as token ids, and what ends its text; knows no state and no pipe."""

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from app.errors import RequestRefused
from app.runtime.families.templates import Think, lead, render, stops_of
from app.runtime.protocol.messages import Generate
from app.runtime.protocol.prompts import Chat, Prompt, Text

if TYPE_CHECKING:
    from app.runtime.opened import Opened
    from app.runtime.tokenizers.tokenizer import Tokenizer


class Prepared(NamedTuple):
    """Token ids to be read, and the texts and tokens that end what follows.

    The first ``mark`` ids will begin the conversation's next prompt too: their state is worth
    keeping (0: nothing is known of a next one).  ``begun`` is the reply that a chat goes on with,
    and the last ``begun_tokens`` ids are its own.  ``whole_characters``: a character that the
    limit cuts is left out, for it is written again when the reply goes on.
    """

    ids: tuple[int, ...]
    stops: tuple[str, ...]
    ends: frozenset[int]
    mark: int = 0
    begun: str = ""
    begun_tokens: int = 0
    whole_characters: bool = False


def prepare(request: Generate, opened: "Opened", *, may_be_empty: bool = False) -> Prepared:
    """Render and encode the prompt of ``request``.

    An empty one becomes the tokenizer's start, unless it ``may_be_empty``.
    Raises RequestRefused (facts: why) for a template that the model has not, ids outside its
    vocabulary and a negative limit, and the tokenizer's failure where text cannot be encoded.
    """
    if request.limit < 0:
        raise RequestRefused(why="limit", value=request.limit)
    prepared = _encoded(request, opened)
    _check(prepared.ids, opened)
    if prepared.ids or may_be_empty:
        return prepared
    return prepared._replace(ids=opened.tokenizer.start)


def prompt_ids(prompt: Prompt, opened: "Opened", *, document: bool) -> tuple[int, ...]:
    """The token ids of a prompt whose state is wanted, which may be none at all.

    The text of a ``document`` is encoded as it stands, another one as a prompt's.  Raises as
    ``prepare`` does.
    """
    if document and isinstance(prompt, Text):
        ids = tuple(opened.tokenizer.encode(prompt.text))
    else:
        ids = _encoded(Generate(id=0, prompt=prompt), opened).ids
    _check(ids, opened)
    return ids


def _check(ids: tuple[int, ...], opened: "Opened") -> None:
    vocabulary = opened.model.spec.vocabulary
    for token in ids:
        if not 0 <= token < vocabulary:
            raise RequestRefused(why="token", value=token, vocabulary=vocabulary)


def _encoded(request: Generate, opened: "Opened") -> Prepared:
    prompt = request.prompt
    if isinstance(prompt, Chat):
        return _chat(prompt, request.stops, opened)
    tokenizer = opened.tokenizer
    ends = tokenizer.end_tokens if tokenizer.raw_end_tokens is None else tokenizer.raw_end_tokens
    if isinstance(prompt, Text):
        return Prepared(tuple(tokenizer.encode_prompt(prompt.text)), request.stops, ends)
    return Prepared(prompt.ids, request.stops, ends)


def _chat(chat: Chat, stops: tuple[str, ...], opened: "Opened") -> Prepared:
    template = chat.template or next(iter(opened.family.templates), "")
    begun = _begun(chat, template)
    opening, written = _chat_ids(chat, template, begun, opened.tokenizer)
    ids = opening + written
    stops = tuple(dict.fromkeys((*stops, *stops_of(template))))
    prepared = Prepared(
        ids,
        stops,
        opened.tokenizer.end_tokens,
        begun=begun,
        begun_tokens=len(written),
        whole_characters=True,
    )
    if chat.think == "off":
        return prepared
    plain = msgspec.structs.replace(chat, think="off")
    later = sum(_chat_ids(plain, template, begun, opened.tokenizer), ())
    same = (n for n, pair in enumerate(zip(ids, later, strict=False)) if pair[0] != pair[1])
    return prepared._replace(mark=next(same, min(len(ids), len(later))))


def _begun(chat: Chat, template: str) -> str:
    """The part of the chat's last reply that the model itself has written."""
    text = chat.turns[-1].text if chat.turns and chat.turns[-1].role == "assistant" else ""
    modes: tuple[Think, ...] = (chat.think, "fake", "on")
    leads = [lead(template, mode) for mode in modes]
    return text.removeprefix(next((one for one in leads if one and text.startswith(one)), ""))


def _chat_ids(
    chat: Chat, template: str, begun: str, tokenizer: "Tokenizer"
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The tokens of the prompt, and of what is ``begun``, which it ends with.

    They are encoded by themselves, as they were written: no token lies across that border, but
    for the space before a reply that does not have its own.
    """
    text = render(chat.turns, template, chat.think)
    cut = len(text[: len(text) - len(begun)].rstrip(" ")) if begun else len(text)
    encode = tokenizer.encode_prompt
    return tuple(encode(text[:cut])), tuple(encode(text[cut:]))
