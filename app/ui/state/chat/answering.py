"""Has messages answered, in whatever conversation: starts, keeps and ends the replies."""

from concurrent.futures import Future

import msgspec
from PySide6.QtCore import QObject, Signal

from app.runtime.families.templates import join_of
from app.store.records import Message, Reply, new_id, new_message
from app.ui.state.services import Services

from .conversation_titles import first_title, wants_title, written_title
from .message_queue import MessageQueue
from .message_tree import Tree
from .reply_requests import From, ReplyRequests
from .reply_stream import ReplyStream, Request
from .running_replies import RunningReplies
from .unsaved_queue import UnsavedQueue

MOST_ANSWERS = 8


class Answering(QObject):
    """``added`` carries a tree and its new message, ``moved`` a tree of which another branch is
    shown now.  ``grew`` carries a message, ``ended`` one with its tree.

    ``queue_changed`` carries a conversation, ``titled`` a conversation and its title.
    """

    added = Signal(object, str)
    moved = Signal(object)
    grew = Signal(object)
    ended = Signal(object, object)
    writing_changed = Signal()
    queue_changed = Signal(str)
    titled = Signal(str, str)

    def __init__(
        self, services: Services, requests: ReplyRequests, unkept: UnsavedQueue, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._services, self._requests, self._unkept = services, requests, unkept
        self._store = services.conversations
        self.running = RunningReplies()
        self.queue = MessageQueue()

    def say(self, tree: Tree, text: str, parent: str | None, begun: str = "") -> None:
        """Say something behind a message (None: at the beginning), and have it answered.

        The reply goes on behind the words ``begun``, which are the person's.
        """
        if self.running.of(tree.conversation.id) or not text.strip():
            return
        if not tree.stored:
            title = first_title(self._services, text)
            own = self._requests.own_template(tree)
            tree.conversation = msgspec.structs.replace(
                tree.conversation, title=title, template=own
            )
            tree.stored = True
            self.keep(self._store.add(tree.conversation), tree)
        message = new_message(tree.conversation.id, parent, "user", text)
        self.put(tree, message)
        self.answer(tree, message.id, begun)

    def put(self, tree: Tree, message: Message) -> None:
        """A new message, which ends the branch that is shown."""
        self._tell(tree, message.id, moved=self._add(tree, message))

    def answer(self, tree: Tree, question: str, begun: str = "") -> None:
        """Have a message answered, as often at once as the conversation says."""
        answers = max(1, min(tree.conversation.options.answers, MOST_ANSWERS))
        loaded = self._requests.loaded
        known = Reply(edited=bool(begun.strip()))
        if loaded is not None:
            known = msgspec.structs.replace(known, model=loaded.name, strategy=loaded.strategy)
        blank = new_message(tree.conversation.id, question, "assistant", status="writing")
        blank = msgspec.structs.replace(blank, text=self._begun(tree, begun), reply=known)
        moved = self._add(tree, blank)
        first = self._run(tree, blank, self._request(tree, blank))
        for number in range(1, answers):
            other = msgspec.structs.replace(blank, id=new_id())
            self._add(tree, other)
            stream = self._run(tree, other, self._request(tree, other, number))
            stream.after = first.under_way
        if answers > 1:
            tree.leaf = blank.id
            self.keep(self._store.choose(tree.conversation.id, blank.id), tree)
        self._tell(tree, blank.id, moved=moved)
        self.writing_changed.emit()

    def go_on(self, tree: Tree, ident: str, limit: int | None = None) -> None:
        """Write on where a reply ended; None is the usual limit."""
        message = tree[ident]
        if message.parent is None:
            return
        last, lead_in = (ident, "") if message.text else (message.parent, None)
        message = msgspec.structs.replace(message, status="writing")
        ask = self._requests.request(tree, From(last, lead_in, message.reply.seed)).within(limit)
        tree.replace(message)
        self.keep(self._store.resume(ident), tree)
        self._run(tree, message, ask)
        self.moved.emit(tree)
        self.writing_changed.emit()

    def stop(self, conversation: str) -> None:
        """End every reply that is being written there; their words stay."""
        for stream in self.running.of(conversation):
            stream.stop()

    def wait_with(self, tree: Tree, text: str) -> None:
        """Say ``text`` once the reply that is being written has ended, and at once if none is."""
        conversation = tree.conversation.id
        if not self.running.of(conversation):
            self.say(tree, text, tree.leaf)
        elif text.strip():
            self.queue.add(conversation, text)
            self.queue_changed.emit(conversation)

    def take_from_queue(self, conversation: str, number: int = 0) -> str | None:
        """A message that waits no longer; None where there is none of that number."""
        text = self.queue.take(conversation, number)
        if text is not None:
            self.queue_changed.emit(conversation)
        return text

    def keep(self, kept: "Future[None]", tree: Tree) -> None:
        """A write that nobody waits for."""
        self._unkept.watch(kept, tree)

    def _begun(self, tree: Tree, begun: str) -> str:
        """The person's beginning of a reply, as this template's replies begin."""
        loaded = self._requests.loaded
        if not begun.strip() or loaded is None:
            return ""
        form = self._requests.form(tree, loaded)
        return (join_of(form) if form else "") + begun.strip()

    def _add(self, tree: Tree, message: Message) -> bool:
        """Take and store a new message; whether another branch is shown with it."""
        moved = message.parent != tree.leaf
        tree.add(message)
        self.keep(self._store.append(message), tree)
        return moved

    def _tell(self, tree: Tree, ident: str, *, moved: bool) -> None:
        if moved:
            self.moved.emit(tree)
        else:
            self.added.emit(tree, ident)

    def _request(self, tree: Tree, message: Message, number: int = 0) -> Request:
        """One of several answers has a seed of its own, counted on from the one that is chosen."""
        place = From(message.id, "") if message.text else From(message.parent or "")
        ask = self._requests.request(tree, place)
        sampling = ask.options.sampling
        if number and sampling.seed is not None:
            sampling = msgspec.structs.replace(sampling, seed=sampling.seed + number)
            options = msgspec.structs.replace(ask.options, sampling=sampling)
            ask = msgspec.structs.replace(ask, options=options)
        return ask

    def _run(self, tree: Tree, message: Message, ask: Request) -> ReplyStream:
        stream = ReplyStream(self._services.session, self._store, message, ask)
        self.running.add(stream)
        stream.grew.connect(lambda: self.grew.emit(stream.message))
        stream.ended.connect(lambda: self._end(stream, tree))
        stream.started(self._services.tasks.start(stream.run()))
        return stream

    def _end(self, stream: ReplyStream, tree: Tree) -> None:
        message = stream.message
        self.running.remove(stream)
        if stream.kept is not None:
            self._unkept.watch(stream.kept, tree)
        if message.id in tree:
            tree.replace(message)
            tree.note_tokens(message.id, stream.tokens)
        self.ended.emit(stream, tree)
        self.writing_changed.emit()

    def follow_up(self, tree: Tree, message: Message) -> None:
        """What comes by itself once the last reply of a conversation has ended well.

        Its title, where the model is to write it, and the next message that waits.
        """
        if self._services.tasks.ended or self.running.of(tree.conversation.id):
            return
        if message.status != "done":
            return
        if wants_title(self._services, tree) and message.id == tree.leaf:
            self._services.tasks.start(self._title(tree))
        text = self.take_from_queue(tree.conversation.id)
        if text is not None:
            self.say(tree, text, tree.leaf)

    async def _title(self, tree: Tree) -> None:
        title = await written_title(self._services, self._requests, tree)
        if title:
            self.keep(self._store.arranging.set_title(tree.conversation.id, title), tree)
            self.titled.emit(tree.conversation.id, title)
