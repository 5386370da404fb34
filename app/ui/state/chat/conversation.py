"""The conversation that is open and the replies being written: state, signals and verbs."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Future

import msgspec
from PySide6.QtCore import QObject, Signal

from app.runtime.protocol.messages import Loaded
from app.runtime.protocol.prompts import Sampling
from app.store.changes import Change
from app.store.chat_defaults import ChatDefaults, defaults_in, different
from app.store.records import Conversation, Message, Reply, new_id, new_message
from app.ui.state.services import Services

from .answering import Answering
from .message_tree import Tree
from .reply_requests import From, ReplyRequests
from .reply_stream import ReplyStream, Request
from .template_choice import keep_template
from .unsaved_queue import UnsavedQueue


class ConversationController(QObject):
    """``opened``: another conversation or branch is shown. ``added``: one more message at its end.

    ``grew`` and ``ended`` carry the id of a reply of the conversation that is shown; ``configured``
    comes when how replies are made has changed; ``writing_changed`` when a reply begins or ends.
    ``typed_wanted`` asks for settings that are typed and not yet handed in, before they count.
    ``taken_away`` carries the conversation that was shown and that another window has deleted.
    ``queue_changed`` carries a conversation of which other messages wait now.
    """

    opened = Signal()
    added = Signal(str)
    grew = Signal(str)
    ended = Signal(str)
    configured = Signal()
    writing_changed = Signal()
    typed_wanted = Signal()
    taken_away = Signal(object)
    queue_changed = Signal(str)
    _settings_changed = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._store = services.conversations
        self.requests = ReplyRequests(services)
        self._templates = services.settings.now.templates
        self.tree = Tree(self._blank())
        self._unkept = UnsavedQueue(services, self)
        self.answering = Answering(services, self.requests, self._unkept, self)
        self._paused: ReplyStream | None = None
        self._connect()

    # what is

    @property
    def conversation(self) -> Conversation:
        """The one that is shown; not stored before its first message."""
        return self.tree.conversation

    @property
    def defaults(self) -> ChatDefaults:
        """What a new conversation begins with."""
        return self.requests.defaults

    @property
    def writing(self) -> ReplyStream | None:
        """A reply being written in the conversation that is shown: of its branch, if one is."""
        return self.answering.running.shown(self.tree)

    def stream_of(self, ident: str) -> ReplyStream | None:
        """That which writes a message."""
        return self.answering.running.stream_of(ident)

    def is_writing(self, conversation: str) -> bool:
        """Whether a reply is being written there."""
        return bool(self.answering.running.of(conversation))

    def sampling(self) -> Sampling:
        """How the next token will be chosen: as the person or else as the model's makers say."""
        return self.requests.sampling(self.tree)

    def recommended(self) -> Sampling:
        """What suits the open model in the think mode that is chosen."""
        return self.requests.recommended(self.tree)

    def template(self, loaded: Loaded | None) -> str:
        """The conversation's template if the model knows it, else the model's usual one."""
        return self.requests.template(self.tree, loaded)

    @property
    def can_think(self) -> bool:
        """Whether replies of the open model can begin with a thought, by the template in use."""
        return self.requests.can_think(self.tree)

    @property
    def queue(self) -> tuple[str, ...]:
        """The messages that wait until the reply that is being written has ended."""
        return self.answering.queue.of(self.conversation.id)

    def restore_queue(self, texts: tuple[str, ...]) -> None:
        """These waited in the conversation that is shown when a window was closed."""
        if not self.queue:
            self.answering.queue.put(self.conversation.id, texts)
            self.queue_changed.emit(self.conversation.id)

    def request(self, last: str) -> Request:
        """What would continue the branch that ends with a message."""
        self.typed_wanted.emit()
        return self.requests.request(self.tree, From(last))

    # conversations

    def begin(self, defaults: ChatDefaults | None = None) -> None:
        """An empty conversation, with these defaults or all; stored with its first message."""
        self.typed_wanted.emit()
        blank = self._blank()
        if defaults is not None:
            blank = msgspec.structs.replace(blank, **msgspec.structs.asdict(defaults))
        self._show(Tree(blank))

    async def open(self, conversation: str, message: str = "") -> None:
        """Show a stored conversation with the branch that was shown last, or has ``message``."""
        found = await asyncio.wrap_future(self._store.open(conversation))
        if found is None:
            return
        tree = self._unkept.tree_of(conversation)
        tree = tree or Tree(found.conversation, found.messages, stored=True)
        for stream in self.answering.running.of(conversation):
            if stream.message.id in tree:
                tree.replace(stream.message)
        tree.reveal(message)
        self.typed_wanted.emit()
        self._show(tree)

    async def look_again(self) -> None:
        """Show what another window has changed in the conversation, unless one is written here."""
        shown, before = self.tree, self.conversation
        unkept = self._unkept.tree_of(before.id)
        if not shown.stored or self.writing is not None or unkept is not None:
            return
        found = await asyncio.wrap_future(self._store.open(before.id))
        if self.tree is not shown or self.writing is not None:
            return
        if found is None or found.trashed:
            self.begin()
            self.taken_away.emit(before)
        elif self.conversation == before:  # nothing was changed here meanwhile
            if found.messages != shown.messages:
                self._show(Tree(found.conversation, found.messages, stored=True))
            elif different(found.conversation, before) or found.conversation.title != before.title:
                shown.conversation = found.conversation
                self.configured.emit()

    def configure(self, **values: object) -> None:
        """Change system, template, think, sampling, limit or options of the conversation."""
        self.tree.conversation = msgspec.structs.replace(self.conversation, **values)
        if self.tree.stored:
            self._keep(self._store.configure(self.conversation, *values))
        self.configured.emit()

    def choose_options(self, **values: object) -> None:
        """Change some of the conversation's ``ReplyOptions``."""
        self.configure(options=msgspec.structs.replace(self.conversation.options, **values))

    def choose_template(self, template: str) -> None:
        """Use a template in the conversation and from now on with the model that is open.

        "" is as the model says.
        """
        loaded = self._services.session.loaded
        if loaded is not None:
            keep_template(self._services.settings, loaded, template)
        self.configure(template=template)

    def note_title(self, conversation: str, title: str, *, own: bool = True) -> None:
        """A conversation has another title, of a person's ``own`` or not."""
        now = self.conversation
        if conversation == now.id and (own or not now.own_title):
            titled = msgspec.structs.replace(now, title=title, own_title=own)
            self.tree.conversation = titled
            self.configured.emit()

    # messages

    def send(self, text: str, begun: str = "") -> None:
        """Say something at the end of the branch, and have it answered.

        The reply goes on behind ``begun``.  Where one is being written, the message waits for it.
        """
        if self.writing is not None:
            self.answering.wait_with(self.tree, text)
            return
        self.typed_wanted.emit()
        self.answering.say(self.tree, text, self.tree.leaf, begun)

    def edit(self, ident: str, text: str) -> None:
        """Say something else in place of a message: a branch beside it.

        What the person says is answered anew; a reply is as it is written now.
        """
        message = self.tree[ident]
        if self.writing is not None or not text.strip():
            return
        self.typed_wanted.emit()
        if message.role == "user":
            self.answering.say(self.tree, text, message.parent)
            return
        reply = Reply(model=message.reply.model, strategy=message.reply.strategy, edited=True)
        other = new_message(self.conversation.id, message.parent, "assistant", text)
        self.answering.put(self.tree, msgspec.structs.replace(other, reply=reply))

    def regenerate(self, ident: str) -> None:
        """Answer again, beside the reply ``ident``."""
        parent = self.tree[ident].parent
        if self.writing is None and parent is not None:
            self.typed_wanted.emit()
            self.answering.answer(self.tree, parent)

    def go_on(self, ident: str, limit: int | None = None) -> None:
        """Write on where the last reply of the branch ended; None is the usual limit."""
        if self.writing is None and ident == self.tree.leaf:
            self.typed_wanted.emit()
            self.answering.go_on(self.tree, ident, limit)

    def show_branch(self, ident: str, by: int) -> None:
        """Show the branch before or after the one that a message begins."""
        self._choose(self.tree.step(ident, by))

    def show_message(self, ident: str) -> None:
        """Show the branch that goes through a message, to its newest end."""
        if ident in self.tree:
            self._choose(self.tree.show(ident))

    def name_branch(self, ident: str, name: str) -> None:
        """Call the branch that a message begins so; "" is no name."""
        self.tree.replace(msgspec.structs.replace(self.tree[ident], name=name))
        self._keep(self._store.branches.name(self.conversation.id, ident, name))
        self.opened.emit()

    def drop_branches(self, idents: Sequence[str]) -> tuple[str, ...]:
        """Take messages away with all that follows them; which these were, for ``take_back``."""
        for ident in self.tree.below(idents):
            if (stream := self.stream_of(ident)) is not None:
                stream.stop()
        gone = tuple(one.id for one in self.tree.remove(idents))
        conversation, leaf = self.conversation.id, self.tree.leaf
        self._keep(self._store.branches.drop(conversation, gone, leaf))
        self.opened.emit()
        return gone

    async def bring_back(self, conversation: str, gone: Sequence[str], leaf: str | None) -> None:
        """Undo ``drop_branches``; ``leaf`` is the end of what was shown before."""
        back = self._store.branches.take_back(conversation, gone, leaf)
        await asyncio.shield(asyncio.wrap_future(back))
        if conversation == self.conversation.id and self.writing is None:
            await self.open(conversation)

    def stop(self) -> None:
        """End what is being written in the conversation that is shown; its words stay."""
        self.answering.stop(self.conversation.id)

    def drop(self, conversation: str) -> None:
        """A conversation was deleted: write no more in it, and show another if it was shown."""
        self._unkept.note_deleted(conversation)
        self.answering.stop(conversation)
        if conversation == self.conversation.id:
            self.begin()

    def take_back(self, conversation: str) -> bool:
        """A deletion is undone; True where the store does not have all of the conversation yet."""
        self._unkept.note_restored(conversation)
        return self._unkept.tree_of(conversation) is not None

    # inside

    def _choose(self, leaf: str) -> None:
        self._keep(self._store.choose(self.conversation.id, leaf))
        self.opened.emit()

    def _note_added(self, tree: Tree, ident: str) -> None:
        if tree is self.tree:
            self.added.emit(ident)

    def _note_moved(self, tree: Tree) -> None:
        if tree is self.tree:
            self.opened.emit()

    def _note_growth(self, message: Message) -> None:
        if message.conversation == self.conversation.id and message.id in self.tree:
            self.tree.replace(message)
            self.grew.emit(message.id)

    def _note_end(self, stream: ReplyStream, tree: Tree) -> None:
        """The tree that is shown is another one where the conversation was opened meanwhile."""
        message = stream.message
        if message.conversation == self.conversation.id:
            if message.id in self.tree:
                self.tree.replace(message)
                self.tree.note_tokens(message.id, stream.tokens)
                self.ended.emit(message.id)
            tree = self.tree
        self.answering.follow_up(tree, message)

    def _pause(self) -> None:
        """The model is to run in another way: replies stop, and the one that is shown goes on then.

        Those of other conversations stay as they are, and can be continued.
        """
        self._paused = self.writing
        for stream in self.answering.running.all():
            stream.stop()

    def _unpause(self) -> None:
        paused, self._paused = self._paused, None
        if paused is not None and paused.message.id in self.tree:
            self.go_on(paused.message.id, paused.left)

    def _show(self, tree: Tree) -> None:
        self.tree = tree
        self.opened.emit()
        self.configured.emit()
        self.writing_changed.emit()
        self.queue_changed.emit(tree.conversation.id)

    def _keep(self, kept: "Future[None]") -> None:
        self._unkept.watch(kept, self.tree)

    def _blank(self) -> Conversation:
        now = time.time()
        values = msgspec.structs.asdict(self.requests.defaults)
        return Conversation(id=new_id(), created=now, updated=now, **values)

    def _connect(self) -> None:
        services, answering = self._services, self.answering
        services.session.pausing.connect(self._pause)
        services.session.was_opened.connect(self._unpause)
        answering.added.connect(self._note_added)
        answering.moved.connect(self._note_moved)
        answering.grew.connect(self._note_growth)
        answering.ended.connect(self._note_end)
        answering.writing_changed.connect(self.writing_changed)
        answering.queue_changed.connect(self.queue_changed)
        answering.titled.connect(lambda ident, title: self.note_title(ident, title, own=False))
        self._settings_changed.connect(self._take_defaults)
        self.destroyed.connect(self._store.changes.listen(self._note_settings))

    def _note_settings(self, change: Change) -> None:
        """From any thread."""
        if change.what == "settings":
            self._settings_changed.emit()

    def _take_defaults(self) -> None:
        """A conversation that is not stored yet follows them, where it has nothing of its own."""
        before, now = self.requests.defaults, defaults_in(self._services.settings)
        self.requests.defaults = now
        changed = different(before, now)
        if not self.tree.stored:
            followed = set(changed) - set(different(self.conversation, before))
            values = {name: getattr(now, name) for name in followed}
            self.tree.conversation = msgspec.structs.replace(self.conversation, **values)
        templates, self._templates = self._templates, self._services.settings.now.templates
        if changed or templates != self._templates:
            self.configured.emit()
