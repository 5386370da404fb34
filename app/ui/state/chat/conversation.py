"""The conversation that is open and the replies being written: state, signals and verbs."""

import asyncio
import time
from concurrent.futures import Future

import msgspec
from PySide6.QtCore import QObject, Signal

from app.errors import RequestRefused
from app.runtime.families.family import family_named
from app.runtime.families.templates import Think, lead, thinks
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Loaded
from app.runtime.protocol.prompts import Chat, Sampling, Turn
from app.store.changes import Change
from app.store.chat_defaults import ChatDefaults, defaults_in, different
from app.store.records import Conversation, Message, Reply, new_id, new_message
from app.ui.state.services import Services

from .message_facts import title_of
from .message_tree import Tree
from .reply_stream import ReplyStream, Request
from .template_choice import chosen_template, keep_template, usual_template
from .unsaved_queue import UnsavedQueue


class ConversationController(QObject):
    """``opened``: another conversation or branch is shown. ``added``: one more message at its end.

    ``grew`` and ``ended`` carry the id of a reply of the branch that is shown; ``configured``
    comes when how replies are made has changed; ``writing_changed`` when a reply begins or ends.
    ``typed_wanted`` asks for settings that are typed and not yet handed in, before they count.
    ``taken_away`` carries the conversation that was shown and that another window has deleted.
    """

    opened = Signal()
    added = Signal(str)
    grew = Signal(str)
    ended = Signal(str)
    configured = Signal()
    writing_changed = Signal()
    typed_wanted = Signal()
    taken_away = Signal(object)
    _settings_changed = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._store = services.conversations
        self._writings: dict[str, ReplyStream] = {}
        self._stored = False
        self._defaults = defaults_in(services.settings)
        self._templates = services.settings.now.templates
        self.tree = Tree(self._blank())
        self._unkept = UnsavedQueue(services, self)
        self._paused: ReplyStream | None = None
        services.session.pausing.connect(self._pause)
        services.session.was_opened.connect(self._unpause)
        self._settings_changed.connect(self._take_defaults)
        self.destroyed.connect(self._store.changes.listen(self._note_settings))

    # what is

    @property
    def conversation(self) -> Conversation:
        """The one that is shown; not stored before its first message."""
        return self.tree.conversation

    @property
    def defaults(self) -> ChatDefaults:
        """What a new conversation begins with."""
        return self._defaults

    @property
    def writing(self) -> ReplyStream | None:
        """The reply being written in the conversation that is shown."""
        return self._writings.get(self.conversation.id)

    def is_writing(self, conversation: str) -> bool:
        """Whether a reply is being written there."""
        return conversation in self._writings

    def sampling(self) -> Sampling:
        """How the next token will be chosen: as the person or else as the model's makers say."""
        return self.conversation.sampling or self.recommended()

    def recommended(self) -> Sampling:
        """What suits the open model in the think mode that is chosen."""
        loaded = self._services.session.loaded
        if loaded is None:
            return Sampling()
        template = self.template(loaded)
        own = template in loaded.templates[:1]
        if self._think(loaded) == "off" and own:
            return loaded.sampling
        family = family_named(loaded.family, loaded.tokenizer)
        return family.recommended(self._think(loaded), template)

    @property
    def can_think(self) -> bool:
        """Whether replies of the open model can begin with a thought, by the template in use."""
        loaded = self._services.session.loaded
        return loaded is not None and thinks(self.template(loaded))

    # conversations

    def begin(self) -> None:
        """An empty conversation with the defaults; it is stored with its first message."""
        self.typed_wanted.emit()
        self._stored = False
        self._show(Tree(self._blank()))

    async def open(self, conversation: str, message: str = "") -> None:
        """Show a stored conversation with the branch that was shown last, or has ``message``."""
        found = await asyncio.wrap_future(self._store.open(conversation))
        if found is None:
            return
        tree = self._unkept.tree_of(conversation) or Tree(found.conversation, found.messages)
        writing = self._writings.get(conversation)
        if writing is not None and writing.message.id in tree:
            tree.replace(writing.message)
        tree.reveal(message)
        self.typed_wanted.emit()
        self._stored = True
        self._show(tree)

    async def look_again(self) -> None:
        """Show what another window has changed in the conversation, unless one is written here."""
        shown, before = self.tree, self.conversation
        unkept = self._unkept.tree_of(before.id)
        if not self._stored or self.writing is not None or unkept is not None:
            return
        found = await asyncio.wrap_future(self._store.open(before.id))
        if self.tree is not shown or self.writing is not None:
            return
        if found is None or found.trashed:
            self.begin()
            self.taken_away.emit(before)
        elif self.conversation == before:  # nothing was changed here meanwhile
            if found.messages != shown.messages:
                self._show(Tree(found.conversation, found.messages))
            elif different(found.conversation, before) or found.conversation.title != before.title:
                shown.conversation = found.conversation
                self.configured.emit()

    def configure(self, **values: object) -> None:
        """Change system, template, think, sampling or limit of the conversation."""
        self.tree.conversation = msgspec.structs.replace(self.conversation, **values)
        if self._stored:
            self._keep(self._store.configure(self.conversation, *values))
        self.configured.emit()

    def choose_template(self, template: str) -> None:
        """Use a template in the conversation and from now on with the model that is open.

        "" is as the model says.
        """
        loaded = self._services.session.loaded
        if loaded is not None:
            keep_template(self._services.settings, loaded, template)
        self.configure(template=template)

    def note_title(self, conversation: str, title: str) -> None:
        """A conversation has another title."""
        if conversation == self.conversation.id:
            self.tree.conversation = msgspec.structs.replace(self.conversation, title=title)
            self.configured.emit()

    # messages

    def send(self, text: str) -> None:
        """Say something at the end of the branch, and have it answered."""
        self._say(text, self.tree.leaf)

    def edit(self, ident: str, text: str) -> None:
        """Say something else in place of a message: a branch beside it, answered anew."""
        self._say(text, self.tree[ident].parent)

    def regenerate(self, ident: str) -> None:
        """Answer again, beside the reply ``ident``."""
        parent = self.tree[ident].parent
        if self.writing is None and parent is not None:
            self._answer(parent)

    def go_on(self, ident: str, limit: int | None = None) -> None:
        """Write on where the last reply of the branch ended; None is the usual limit."""
        message = self.tree[ident]
        if self.writing is not None or ident != self.tree.leaf or message.parent is None:
            return
        last, lead_in = (ident, "") if message.text else (message.parent, None)
        message = msgspec.structs.replace(message, status="writing")
        ask = self.request(last, self._services.session.loaded, lead_in, message.reply.seed)
        ask = ask.within(limit)
        self.tree.replace(message)
        self._keep(self._store.resume(ident))
        self._run(message, ask)
        self.opened.emit()
        self.writing_changed.emit()

    def show_branch(self, ident: str, by: int) -> None:
        """Show the branch before or after the one that a message begins."""
        if self.writing is not None:
            return
        leaf = self.tree.step(ident, by)
        self._keep(self._store.choose(self.conversation.id, leaf))
        self.opened.emit()

    def stop(self) -> None:
        """End the reply that is being written; its words stay."""
        if self.writing is not None:
            self.writing.stop()

    def drop(self, conversation: str) -> None:
        """A conversation was deleted: write no more in it, and show another if it was shown."""
        self._unkept.note_deleted(conversation)
        writing = self._writings.get(conversation)
        if writing is not None:
            writing.stop()
        if conversation == self.conversation.id:
            self.begin()

    def take_back(self, conversation: str) -> bool:
        """A deletion is undone; True where the store does not have all of the conversation yet."""
        self._unkept.note_restored(conversation)
        return self._unkept.tree_of(conversation) is not None

    # inside

    def _say(self, text: str, parent: str | None) -> None:
        if self.writing is not None or not text.strip():
            return
        self.typed_wanted.emit()
        if not self._stored:
            named = msgspec.structs.replace(
                self.conversation, title=title_of(text), template=self._own_template()
            )
            self._stored = True
            self.tree.conversation = named
            self._keep(self._store.add(named))
        message = new_message(self.conversation.id, parent, "user", text)
        moved = parent != self.tree.leaf
        self.tree.add(message)
        self._keep(self._store.append(message))
        if moved:
            self.opened.emit()
        else:
            self.added.emit(message.id)
        self._answer(message.id)

    def _answer(self, question: str) -> None:
        loaded = self._services.session.loaded
        moved = question != self.tree.leaf
        message = new_message(self.conversation.id, question, "assistant", status="writing")
        if loaded is not None:
            known = Reply(model=loaded.name, strategy=loaded.strategy)
            message = msgspec.structs.replace(message, reply=known)
        ask = self.request(question, loaded)
        self.tree.add(message)
        self._keep(self._store.append(message))
        self._run(message, ask)
        if moved:
            self.opened.emit()
        else:
            self.added.emit(message.id)
        self.writing_changed.emit()

    def _run(self, message: Message, ask: Request) -> None:
        writing, tree = ReplyStream(self._services.session, self._store, message, ask), self.tree
        self._writings[message.conversation] = writing
        writing.grew.connect(lambda: self._note(writing))
        writing.ended.connect(lambda: self._end(writing, tree))
        writing.started(self._services.tasks.start(writing.run()))

    def request(
        self,
        last: str,
        loaded: Loaded | None,
        lead_in: str | None = None,
        seed: int | None = None,
    ) -> Request:
        """What continues the branch that ends with ``last``; ``lead_in`` None is the template's.

        ``seed`` is that of the reply that goes on: it counts where none is chosen.  Nobody waits
        for such a reply to repeat, and so what was remembered of it is not read again.
        """
        self.typed_wanted.emit()
        conversation, sampling = self.conversation, self.sampling()
        repeats = None if sampling.seed is not None else False
        if sampling.seed is None:
            sampling = msgspec.structs.replace(sampling, seed=seed)
        think: Think = "off" if loaded is None else self._think(loaded)
        template = self.template(loaded)
        said = [
            message
            for message in self.tree.path(last)
            if message.text.strip() or (message.text and message.id == last)
        ]
        turns = [Turn(message.role, message.text) for message in said]
        sources = [message.id for message in said]
        if conversation.system.strip():
            turns.insert(0, Turn("system", conversation.system))
            sources.insert(0, "")
        try:
            opening = lead(template, think) if template else ""
        except RequestRefused:  # the worker will say so, in the transcript
            opening = ""
        return Request(
            chat=Chat(turns=tuple(turns), template=template, think=think),
            options=GenerateOptions(
                limit=conversation.limit, sampling=sampling, reproducible=repeats
            ),
            lead=opening if lead_in is None else lead_in,
            sources=tuple(sources),
            tokens=self.tree.tokens,
        )

    def template(self, loaded: Loaded | None) -> str:
        """The conversation's template if the model knows it, else the model's usual one."""
        if loaded is None:
            return ""
        own = self._own_template()
        return own if own in loaded.templates else usual_template(self._services.settings, loaded)

    def _own_template(self) -> str:
        """What is chosen for a model goes before what all new conversations begin with."""
        own, loaded = self.conversation.template, self._services.session.loaded
        if self._stored or own != self._defaults.template or loaded is None:
            return own
        return "" if chosen_template(self._services.settings, loaded) else own

    def _think(self, loaded: Loaded) -> Think:
        return self.conversation.think if thinks(self.template(loaded)) else "off"

    def _note(self, writing: ReplyStream) -> None:
        if writing.message.conversation == self.conversation.id:
            self.tree.replace(writing.message)
            self.grew.emit(writing.message.id)

    def _end(self, writing: ReplyStream, tree: Tree) -> None:
        message = writing.message
        self._writings.pop(message.conversation, None)
        if writing.kept is not None:
            self._unkept.watch(writing.kept, tree)
        tree.replace(message)
        tree.note_tokens(message.id, writing.tokens)
        if message.conversation == self.conversation.id and message.id in self.tree:
            self.tree.replace(message)
            self.tree.note_tokens(message.id, writing.tokens)
            self.ended.emit(message.id)
        self.writing_changed.emit()

    def _pause(self) -> None:
        """The model is to run in another way: replies stop, and the one that is shown goes on then.

        Those of other conversations stay as they are, and can be continued.
        """
        self._paused = self.writing
        for writing in list(self._writings.values()):
            writing.stop()

    def _unpause(self) -> None:
        paused, self._paused = self._paused, None
        if paused is not None and paused.message.id in self.tree:
            self.go_on(paused.message.id, paused.left)

    def _show(self, tree: Tree) -> None:
        self.tree = tree
        self.opened.emit()
        self.configured.emit()
        self.writing_changed.emit()

    def _keep(self, kept: "Future[None]") -> None:
        self._unkept.watch(kept, self.tree)

    def _blank(self) -> Conversation:
        now = time.time()
        return Conversation(
            id=new_id(), created=now, updated=now, **msgspec.structs.asdict(self._defaults)
        )

    def _note_settings(self, change: Change) -> None:
        """From any thread."""
        if change.what == "settings":
            self._settings_changed.emit()

    def _take_defaults(self) -> None:
        """A conversation that is not stored yet follows them, where it has nothing of its own."""
        before, self._defaults = self._defaults, defaults_in(self._services.settings)
        changed = different(before, self._defaults)
        if not self._stored:
            followed = set(changed) - set(different(self.conversation, before))
            values = {name: getattr(self._defaults, name) for name in followed}
            self.tree.conversation = msgspec.structs.replace(self.conversation, **values)
        templates, self._templates = self._templates, self._services.settings.now.templates
        if changed or templates != self._templates:
            self.configured.emit()
