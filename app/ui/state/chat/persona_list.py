"""The personas that there are, as every part of the window knows them."""

import asyncio

import msgspec
from PySide6.QtCore import QObject, Signal

from app.store.changes import Change
from app.store.chat.personas import Persona
from app.store.chat_defaults import settings_of
from app.store.records import Conversation, new_id
from app.ui.state.services import Services
from app.ui.state.tasks import stored


class PersonaList(QObject):
    """``changed`` when there are others; ``all`` are those of now, by name."""

    changed = Signal()
    _stored = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services, self._store = services, services.conversations
        self.all: tuple[Persona, ...] = ()
        self._stored.connect(self.look)
        self.destroyed.connect(self._store.changes.listen(self._note))

    def look(self) -> None:
        """Ask the store; the answer comes by itself."""
        if not self._services.tasks.ended:
            self._services.tasks.start(self._look())

    def named(self, name: str) -> Persona | None:
        """The one of a name."""
        return next((one for one in self.all if one.name == name), None)

    def of(self, conversation: Conversation) -> Persona | None:
        """The one that a conversation has all its settings from, still as they are."""
        ident = conversation.options.persona
        found = next((one for one in self.all if one.id == ident), None)
        return found if found and found.settings == settings_of(conversation) else None

    def save(self, name: str, conversation: Conversation) -> Persona:
        """Keep how a conversation's replies are made under a name, in place of what has it."""
        before = self.named(name)
        ident = before.id if before else new_id()
        options = msgspec.structs.replace(conversation.options, persona=ident)
        settings = msgspec.structs.replace(settings_of(conversation), options=options)
        created = before.created if before else conversation.updated
        persona = Persona(id=ident, name=name, created=created, settings=settings)
        self.keep(persona)
        return persona

    def keep(self, persona: Persona) -> None:
        """Store one, also one that was removed."""
        self._services.tasks.start(stored(self._store.personas.keep(persona)))

    def remove(self, persona: Persona) -> None:
        """Forget one; ``keep`` brings it back."""
        self._services.tasks.start(stored(self._store.personas.remove(persona.id)))

    async def _look(self) -> None:
        kept = await asyncio.wrap_future(self._store.personas.all())
        found = tuple(kept)
        if found != self.all:
            self.all = found
            self.changed.emit()

    def _note(self, change: Change) -> None:
        """Comes from the store's thread."""
        if change.what == "personas":
            self._stored.emit()
