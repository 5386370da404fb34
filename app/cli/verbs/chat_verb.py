"""``rookery chat``: a conversation on the terminal, or through stdin and stdout."""

import asyncio
import contextlib
import re
import sys
from argparse import Namespace
from collections.abc import AsyncGenerator

from app.cli.choices import (
    adapters_of,
    generate_options,
    grammar_of,
    limits_of,
    model_of,
    state_cache_of,
    state_of,
)
from app.cli.machine_rates import kept_rates, kept_shortages
from app.cli.output import (
    Progress,
    emit,
    loading_line,
    note,
    note_loaded,
    note_state,
    note_thinking,
    note_unkept,
    note_whether_whole,
)
from app.errors import Failure, TextRefused
from app.messages.failures import one_line
from app.messages.translate import tr, tr_noop
from app.runtime.families.family import family_named
from app.runtime.families.templates import lead
from app.runtime.protocol.grammars import Grammar
from app.runtime.protocol.messages import Done, Event, Loaded, LoadProgress, Piece
from app.runtime.protocol.prompts import Chat, Turn
from app.runtime.protocol.reply_tokens import ReplyTokens
from app.runtime.protocol.states import StartState
from app.runtime.worker.supervisor import Supervisor

_HELP = tr_noop(
    """/help           this
/system [TEXT]  what is said to the model beforehand; alone it shows it
/retry          another reply to the same words
/continue       go on with a reply that was stopped
/reset          begin anew
/quit           leave; so does Ctrl-D.  Ctrl-C stops a reply.
//words         sends /words: a message that begins with a slash.
A path such as /etc/fstab is sent as it is."""
)
_COMMAND = re.compile(r"/[A-Za-z]*[!?.]?")


def run(options: Namespace) -> int:
    """Chat until stdin ends. Returns 1 if stdin is no terminal and a reply failed."""
    with asyncio.Runner() as runner:
        conversation = runner.run(_open(options))
        try:
            return _Terminal(runner, conversation).run()
        finally:
            runner.run(conversation.close())


async def _open(options: Namespace) -> "_Conversation":
    progress, start, adapters = Progress(), state_of(options), adapters_of(options)
    grammar = _grammar(options)
    supervisor = Supervisor(lambda: _show_loading(progress, supervisor.progress))
    supervisor.rates, supervisor.shortages.kept = kept_rates(), kept_shortages()
    supervisor.limits = limits_of(options)
    supervisor.keep_states(state_cache_of(options))
    supervisor.on_unkept = note_unkept
    try:
        loaded = await supervisor.open(
            str(model_of(options)), options.strategy, adapters, firm=bool(options.strategy)
        )
        if not loaded.templates:
            raise TextRefused
        state = await supervisor.load_state(start) if start else None
    except BaseException:
        progress.clear()
        await supervisor.close()
        raise
    progress.clear()
    note_loaded(loaded)
    if state:
        note_state(state)
    note_thinking(options.think, options.template or loaded.templates[0])
    return _Conversation(supervisor, loaded, options, (start, grammar))


def _grammar(options: Namespace) -> Grammar | None:
    """The form that every reply is held to; stdin has the messages, and nothing else."""
    return grammar_of(options, "-")


def _show_loading(progress: Progress, loading: LoadProgress | None) -> None:
    if loading:
        progress.show(loading_line(loading.done, loading.total))
    else:
        progress.clear()


class _Conversation:
    """The turns so far, and the model that answers them."""

    def __init__(
        self,
        supervisor: Supervisor,
        loaded: Loaded,
        options: Namespace,
        begins: tuple[StartState | None, Grammar | None] = (None, None),
    ) -> None:
        self.loaded, self.system = loaded, options.system
        self._start, self._grammar = begins
        self.turns: list[Turn] = []
        self._supervisor, self._options = supervisor, options

    @property
    def template(self) -> str:
        """How turns are written: as the person chose, or else as the model knows it."""
        return self._options.template or self.loaded.templates[0]

    async def close(self) -> None:
        await self._supervisor.close()

    async def reply(self) -> None:
        """Print the next reply as it comes; however it ends, what was written is a turn.

        Where the template has begun the reply, with a thought, that is a part of it.  A reply that
        is the last turn goes on, from the tokens that it was written as.
        """
        last = self.turns[-1]
        goes_on = last.role == "assistant"
        before = last.text if goes_on else lead(self.template, self._options.think)
        tokens = ReplyTokens(len(before), last.tokens)
        written, taken_back, reason = [before], 0, ""
        shown = bool(before)
        try:
            emit("" if goes_on else before, end="")
            async with contextlib.aclosing(self._events()) as events:
                async for event in events:
                    tokens.note(event)
                    if isinstance(event, Piece):
                        text = event.text if shown else event.text.lstrip()
                        emit(text, end="")
                        shown = shown or bool(text)
                        written.append(event.text)
                    elif isinstance(event, Done):
                        taken_back, reason = event.taken_back, event.reason
        finally:
            if goes_on:
                self.turns.pop()
            text = "".join(written)
            text = text[: len(text) - taken_back]
            if text.strip():
                self.turns.append(Turn("assistant", text, tokens.span))
            emit("")
            if self._grammar is not None:
                note_whether_whole(reason)
            self._note_change()

    def _note_change(self) -> None:
        """Where memory ran out the model runs in another way now."""
        loaded = self._supervisor.loaded
        if loaded is not None and loaded is not self.loaded:
            self.loaded = loaded
            note_loaded(loaded)

    def _events(self) -> AsyncGenerator[Event | Done, None]:
        system = (Turn("system", self.system),) if self.system else ()
        options, loaded = self._options, self.loaded
        family = family_named(loaded.family, loaded.tokenizer)
        usual = family.recommended(options.think, self.template)
        return self._supervisor.generate(
            Chat(turns=(*system, *self.turns), template=options.template, think=options.think),
            generate_options(options, usual, self._grammar),
            start=self._start,
        )


class _Terminal:
    """The lines of stdin, each a message or a command."""

    def __init__(self, runner: asyncio.Runner, conversation: _Conversation) -> None:
        self._runner, self._conversation = runner, conversation
        self._terminal = sys.stdin.isatty()
        self._failed = False

    def run(self) -> int:
        self._greet()
        while True:
            try:
                line = self._line()
            except KeyboardInterrupt:
                if not self._terminal:
                    raise
                note("\n" + tr("(/quit or Ctrl-D leaves)"))
                continue
            if line is None or line.split()[:1] == ["/quit"]:
                return int(self._failed and not self._terminal)
            self._take(line)

    def _greet(self) -> None:
        loaded = self._conversation.loaded
        facts = f"{loaded.name}, RWKV-{loaded.spec.generation}, {loaded.strategy}."
        note(f"{facts}  " + tr("/help helps."))
        if self._terminal:
            with contextlib.suppress(ImportError):  # Windows edits lines by itself
                import readline  # noqa: F401

    def _line(self) -> str | None:
        if not self._terminal:
            return sys.stdin.readline() or None
        try:
            return input("> ")
        except EOFError:
            emit("")
            return None

    def _take(self, line: str) -> None:
        said, line = line.rstrip(), line.strip()
        command, _, rest = line.partition(" ")
        if command == "/help":
            note(tr(_HELP))
        elif command == "/reset":
            self._conversation.turns.clear()
        elif command == "/system":
            self._system(rest.strip())
        elif command == "/retry":
            self._retry()
        elif command == "/continue":
            self._continue()
        elif _COMMAND.fullmatch(command):
            told = tr("There is no {}; /help lists what there is. To send it, begin with //.")
            note(told.format(command))
        elif line:
            self._send(said)

    def _send(self, said: str) -> None:
        """Send a message to the model; of "//" at its beginning one slash is taken off."""
        text = said.lstrip()
        if text.startswith("//"):
            said = text[1:]
        self._conversation.turns.append(Turn("user", said))
        self._reply()

    def _system(self, text: str) -> None:
        if text:
            self._conversation.system = text
        note(
            tr("system: {}").format(self._conversation.system)
            if self._conversation.system
            else tr("No system text is set.")
        )

    def _retry(self) -> None:
        turns = self._conversation.turns
        if turns and turns[-1].role == "assistant":
            turns.pop()
        if turns:
            self._reply()

    def _continue(self) -> None:
        turns = self._conversation.turns
        if turns and turns[-1].role == "assistant":
            self._reply()
        else:
            note(tr("There is no reply to go on with."))

    def _reply(self) -> None:
        """Write the reply; a failure is printed and the chat goes on with a new worker."""
        try:
            self._runner.run(self._conversation.reply())
        except Failure as failure:
            self._failed = True
            note(f"rookery: {one_line(failure)}")
        except KeyboardInterrupt:
            if not self._terminal:
                raise
