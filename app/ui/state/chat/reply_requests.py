"""What is asked of the model to go on with a conversation: its turns, template and sampling."""

from typing import NamedTuple

import msgspec

from app.errors import RequestRefused
from app.runtime.families.family import family_named
from app.runtime.families.templates import Think, lead, thinks
from app.runtime.protocol.chat_template import Template
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Loaded
from app.runtime.protocol.prompts import Chat, Sampling, Turn
from app.store.chat_defaults import defaults_in
from app.ui.state.services import Services

from .message_tree import Tree
from .reply_stream import Request
from .template_choice import chosen_template, usual_template


class From(NamedTuple):
    """Where a reply goes on: behind the message ``last``, after the words ``lead_in``.

    None is what the template begins it with.  ``seed`` is that of a reply that goes on, and counts
    where none is chosen.
    """

    last: str
    lead_in: str | None = None
    seed: int | None = None


class ReplyRequests:
    """Knows the open model and the defaults; ``defaults`` is what new conversations begin with."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.defaults = defaults_in(services.settings)

    @property
    def loaded(self) -> Loaded | None:
        """The open model."""
        return self._services.session.loaded

    def sampling(self, tree: Tree) -> Sampling:
        """How the next token will be chosen: as the person or else as the model's makers say."""
        return tree.conversation.sampling or self.recommended(tree)

    def recommended(self, tree: Tree) -> Sampling:
        """What suits the open model in the think mode that is chosen."""
        loaded = self.loaded
        if loaded is None:
            return Sampling()
        template = self.template(tree, loaded)
        own = template in loaded.templates[:1]
        if self.think(tree, loaded) == "off" and own:
            return loaded.sampling
        family = family_named(loaded.family, loaded.tokenizer)
        return family.recommended(self.think(tree, loaded), template)

    def can_think(self, tree: Tree) -> bool:
        """Whether replies of the open model can begin with a thought, by the template in use."""
        return self.loaded is not None and thinks(self.form(tree, self.loaded))

    def think(self, tree: Tree, loaded: Loaded) -> Think:
        """The think mode, where the template has any."""
        return tree.conversation.think if thinks(self.form(tree, loaded)) else "off"

    def template(self, tree: Tree, loaded: Loaded | None) -> str:
        """The conversation's template if the model knows it, else the model's usual one."""
        if loaded is None:
            return ""
        own = self.own_template(tree)
        return own if own in loaded.templates else usual_template(self._services.settings, loaded)

    def form(self, tree: Tree, loaded: Loaded) -> str | Template:
        """The template that turns are written with: the conversation's own text, or a known one."""
        return tree.conversation.options.form or self.template(tree, loaded)

    def own_template(self, tree: Tree) -> str:
        """What is chosen for a model goes before what all new conversations begin with."""
        own, loaded = tree.conversation.template, self.loaded
        if tree.stored or own != self.defaults.template or loaded is None:
            return own
        return "" if chosen_template(self._services.settings, loaded) else own

    def request(self, tree: Tree, place: From) -> Request:
        """What continues the branch that ends with ``place.last``.

        Nobody waits for a reply that goes on to repeat, and so what was remembered of it is not
        read again.
        """
        conversation, loaded = tree.conversation, self.loaded
        sampling = self.sampling(tree)
        repeats = None if sampling.seed is not None else False
        if sampling.seed is None:
            sampling = msgspec.structs.replace(sampling, seed=place.seed)
        chat, sources = self.chat(tree, place.last)
        return Request(
            chat=chat,
            options=GenerateOptions(
                limit=conversation.limit, sampling=sampling, reproducible=repeats
            ),
            lead=self._opening(tree, loaded) if place.lead_in is None else place.lead_in,
            sources=sources,
            tokens=tree.tokens,
            thought_limit=conversation.options.thought_limit,
            form=self.form(tree, loaded) if loaded else "",
        )

    def request_for_draft(self, tree: Tree) -> Request:
        """What comes before the next message of the branch that is shown."""
        chat, sources = self.chat(tree, tree.leaf)
        return Request(chat=chat, options=GenerateOptions(), sources=sources, tokens=tree.tokens)

    def chat(self, tree: Tree, last: str | None) -> tuple[Chat, tuple[str, ...]]:
        """The turns up to a message, and the ids of the messages that they are the texts of.

        None is the beginning, before any message.
        """
        conversation, loaded = tree.conversation, self.loaded
        said = [
            message
            for message in (tree.path(last) if last else ())
            if message.text.strip() or (message.text and message.id == last)
        ]
        turns = [Turn(message.role, message.text) for message in said]
        sources = [message.id for message in said]
        if conversation.system.strip():
            turns.insert(0, Turn("system", conversation.system))
            sources.insert(0, "")
        chat = Chat(
            turns=tuple(turns),
            template=self.template(tree, loaded),
            think="off" if loaded is None else self.think(tree, loaded),
            form=conversation.options.form,
        )
        return chat, tuple(sources)

    def _opening(self, tree: Tree, loaded: Loaded | None) -> str:
        """What the template begins the reply with."""
        if loaded is None or not (form := self.form(tree, loaded)):
            return ""
        try:
            return lead(form, self.think(tree, loaded))
        except RequestRefused:  # the worker will say so, in the transcript
            return ""
