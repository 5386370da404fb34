"""A request's prompt as token ids, and what ends its text; knows no state and no pipe."""

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from app.errors import RequestRefused
from app.runtime.families.templates import Part, Think, join_of, lead, render, stops_of
from app.runtime.protocol.messages import Generate
from app.runtime.protocol.prompts import Chat, Prompt, Text, Turn
from app.runtime.protocol.token_spans import TokenSpan, pack

from .grammars.grammar_text import Head
from .token_fit import Fit, fit_of, gives, held_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.runtime.opened import Opened
    from app.runtime.protocol.chat_template import Template

Ids = tuple[int, ...]


class Begun(NamedTuple):
    """The reply that a chat goes on with: its ``text`` (without what the template begins it with).

    ``ids``, the last of the prompt, are as which it is read, and ``held`` those of them that hold
    a cut character.  ``span`` tells the window of them.  ``lead`` is what the template has begun
    the reply with, before that text.
    """

    text: str = ""
    ids: Ids = ()
    held: Ids = ()
    span: TokenSpan | None = None
    lead: str = ""


class Prepared(NamedTuple):
    """Token ids to be read, and the texts and tokens that end what follows.

    The first ``mark`` ids will begin the conversation's next prompt too: their state is worth
    keeping (0: nothing is known of a next one).  ``whole_characters``: a character that the
    limit cuts is left out, for the reply goes on with it.  ``head`` is what comes before
    a text that is held to a grammar.  ``document``: see ``Tokens``.  ``written`` are ids of the
    text itself, which came before it was interrupted.  ``counted`` are among ``ids`` and count as
    if they had just been written; ``held`` are those of them that a grammar holds.
    """

    ids: Ids
    stops: tuple[str, ...]
    ends: frozenset[int]
    mark: int = 0
    begun: Begun = Begun()
    whole_characters: bool = False
    head: Head = Head()
    document: bool = False
    written: Ids = ()
    counted: Ids = ()
    held: Ids = ()


def prepare(request: Generate, opened: "Opened", *, may_be_empty: bool = False) -> Prepared:
    """Render and encode the prompt of ``request``.

    An empty one becomes the tokenizer's start, unless it ``may_be_empty``.
    Raises RequestRefused (facts: why) for a template that the model has not and ids outside its
    vocabulary, and the tokenizer's failure where text cannot be encoded.
    """
    prepared = _encoded(request, opened)
    if request.before is not None:
        prepared = prepared._replace(written=request.before.ids)
    _check(prepared.ids + prepared.written, opened)
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
    prompt, stops = request.prompt, request.options.stops
    held = request.options.grammar is not None
    if isinstance(prompt, Chat):
        return _chat(prompt, stops, opened, held=held)
    tokenizer = opened.tokenizer
    raw = tokenizer.raw_end_tokens
    ends = tokenizer.end_tokens if raw is None or held else raw
    if isinstance(prompt, Text):
        return Prepared(tuple(tokenizer.encode_prompt(prompt.text)), stops, ends)
    if prompt.document:
        begun = Begun(held=held_by(prompt.ids, tokenizer))
        prepared = Prepared(prompt.ids, stops, ends, begun=begun, whole_characters=True)
        _check(prompt.written, opened)
        held_ids = prompt.ids[len(prompt.ids) - max(0, prompt.held) :]
        return prepared._replace(document=True, counted=prompt.written, held=held_ids)
    return Prepared(prompt.ids, stops, ends)


def _chat(chat: Chat, stops: tuple[str, ...], opened: "Opened", *, held: bool) -> Prepared:
    """What ends a reply that is ``held`` to a grammar is the grammar, not the template."""
    template = chat.form or chat.template or next(iter(opened.family.templates), "")
    writer = _Writer(chat.turns, template, opened)
    opening, begun = writer.ids(chat.think)
    prepared = Prepared(
        opening + begun.ids,
        stops if held else tuple(dict.fromkeys((*stops, *stops_of(template)))),
        opened.tokenizer.end_tokens,
        begun=begun,
        whole_characters=True,
        head=Head(begun.lead, begun.text, join_of(template)),
        counted=begun.ids,
        held=begun.ids,
    )
    if chat.think == "off":
        return prepared
    later_opening, later_begun = writer.ids("off")
    ids, later = prepared.ids, later_opening + later_begun.ids
    same = (n for n, pair in enumerate(zip(ids, later, strict=False)) if pair[0] != pair[1])
    return prepared._replace(mark=next(same, min(len(ids), len(later))))


class _Writer:
    """Turns as token ids: replies as those that they were written as, where these are known."""

    def __init__(
        self, turns: "Iterable[Turn]", template: "str | Template", opened: "Opened"
    ) -> None:
        self._template, self._tokenizer = template, opened.tokenizer
        self._turns: list[Turn] = []
        self._fits: dict[int, Fit] = {}  # by the identity of the turn
        for turn in turns:
            fit = fit_of(turn, opened.tokenizer, opened.model.spec.vocabulary)
            self._turns.append(turn if fit else msgspec.structs.replace(turn, tokens=None))
            if fit:
                self._fits[id(self._turns[-1])] = fit

    def ids(self, think: Think) -> tuple[Ids, Begun]:
        """The ids of the prompt, and of the reply that is begun, which follow them.

        That reply is encoded by itself, as it was written: no token lies across that border, but
        for the space before a reply that does not have its own.
        """
        span = TokenSpan(self._tokenizer.identity)
        parts = render(self._turns, self._template, think)
        goes_on = self._turns[-1].role == "assistant"
        last = parts.pop() if goes_on else Part("")
        fit = self._fit_of(last)
        at = len(self._lead(last.text, think))
        at = at if fit is None else min(at, fit.start)
        ids, text = self._known(parts)
        text += last.text[:at]
        own = last.text[at:]
        begins = last.text[:at] if goes_on else lead(self._template, think)
        if not own:
            return (*ids, *self._encode(text)), Begun(span=span, lead=begins)
        before = text.rstrip(" ")
        if fit is None or fit.start > at:
            begun = self._begun(text[len(before) :], own, _moved(fit, at))
        else:
            begun = self._begun("", own, _moved(fit, at))
        if gives(begun.ids, own, self._tokenizer):
            span = TokenSpan(span.vocabulary, at, pack(begun.ids))
        return (*ids, *self._encode(before)), begun._replace(span=span, lead=begins)

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode_prompt(text)

    def _lead(self, text: str, think: Think) -> str:
        """What the template has begun the reply with."""
        modes: tuple[Think, ...] = (think, "fake", "on")
        leads = [lead(self._template, mode) for mode in modes]
        return next((one for one in leads if one and text.startswith(one)), "")

    def _fit_of(self, part: Part) -> Fit | None:
        return self._fits.get(id(part.reply))

    def _begun(self, spaces: str, text: str, fit: Fit | None) -> Begun:
        """The tokens of the open reply, of which ``fit`` knows some; ``spaces`` come before it."""
        if fit is None:
            return Begun(text, tuple(self._encode(spaces + text)))
        head, tail = spaces + text[: fit.start], text[fit.end :]
        ids = (*self._encode(head), *fit.ids, *self._encode(tail))
        return Begun(text, ids, held_by(ids, self._tokenizer) if fit.cut else ())

    def _known(self, parts: list[Part]) -> tuple[list[int], str]:
        """The ids up to the last known ones, and the text that follows them.

        Texts between known ids are encoded as one.
        """
        ids: list[int] = []
        text = ""
        for part in parts:
            fit = self._fit_of(part)
            if fit is None:
                text += part.text
                continue
            ids += self._encode(text + part.text[: fit.start])
            ids += fit.ids
            text = part.text[fit.end :]
        return ids, text


def _moved(fit: Fit | None, by: int) -> Fit | None:
    return fit and fit._replace(start=fit.start - by, end=fit.end - by)
