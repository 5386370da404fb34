"""``rookery generate``: continues a text in a worker process and prints it as it comes.

Without ``--model`` the embedded guide answers the text as a question, since it was trained on
questions and answers only.
"""

import asyncio
import contextlib
import sys
from argparse import Namespace

from app.cli.choices import (
    adapters_of,
    generate_options,
    grammar_of,
    limits_of,
    model_of,
    state_cache_of,
    state_of,
)
from app.cli.files import read_text
from app.cli.machine_rates import kept_rates, preferences_of
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
    print_json,
    reading_line,
)
from app.messages.translate import tr, tr_n
from app.runtime.families.family import family_named
from app.runtime.protocol.messages import Done, Loaded, LoadProgress, Piece, Prefilled
from app.runtime.protocol.prompts import Chat, Prompt, Sampling, Text, Tokens, Turn
from app.runtime.worker.client import Client


def run(options: Namespace) -> int:
    """Print the text, or one JSON object with it. Raises the failures of loading and generating."""
    asyncio.run(_generate(options))
    return 0


async def _generate(options: Namespace) -> None:
    grammar = grammar_of(options, options.prompt)
    text, start, adapters = _text(options), state_of(options), adapters_of(options)
    client, progress = Client(), Progress()
    client.on_unkept = note_unkept
    try:
        loaded = await client.load(
            *(str(model_of(options)), options.strategy),
            lambda done: progress.show(_loading(done)),
            rates=kept_rates(),
            cache=state_cache_of(options),
            limits=limits_of(options),
            adapters=adapters,
            preferences=preferences_of(model_of(options), options.strategy),
        )
        progress.clear()
        note_loaded(loaded)
        if start:
            note_state(await client.load_state(start))
        prompt, usual = _asked(text, loaded, options)
        written = _Written(loaded, aloud=not options.json, answers=isinstance(prompt, Chat))
        asked = generate_options(options, usual, grammar)
        events = client.generate(prompt, asked, start=start)
        async with contextlib.aclosing(events):
            async for event in events:
                written.note(event, progress)
    finally:
        progress.clear()
        await client.close()
    written.finish(as_json=options.json)
    if grammar is not None:
        note_whether_whole(written.reason)


def _text(options: Namespace) -> str:
    """The prompt from the options, or from stdin."""
    return read_text("-") if options.prompt == "-" else options.prompt or ""


def _asked(text: str, loaded: Loaded, options: Namespace) -> tuple[Prompt, Sampling]:
    """What is sent to the model, and the sampling that its makers recommend for that.

    With a template or a think mode, and without ``--model``, the text is a message in a chat, and
    the reply is printed.
    """
    if options.tokens is not None:
        return Tokens(options.tokens), loaded.sampling
    if options.model is None:
        note(tr("The guide answers; --model FILE continues the text with a model instead."))
    elif not options.template and options.think == "off":
        return Text(text), loaded.sampling
    template = options.template or next(iter(loaded.templates), "")
    note_thinking(options.think, template)
    usual = family_named(loaded.family, loaded.tokenizer).recommended(options.think, template)
    chat = Chat(turns=(Turn("user", text),), template=template, think=options.think)
    return chat, usual


def _loading(progress: LoadProgress) -> str:
    return loading_line(progress.done, progress.total)


class _Written:
    """What has been written so far; ``aloud`` prints it at once, as ids where there is no text.

    If it ``answers``, the space that the template leaves before an answer is not part of it.
    """

    def __init__(self, loaded: Loaded, *, aloud: bool, answers: bool) -> None:
        self._loaded, self._aloud, self._answers = loaded, aloud, answers
        self._text: list[str] = []
        self._tokens: list[int] = []
        self._done: Done | None = None

    @property
    def reason(self) -> str:
        """Why it has ended."""
        return self._done.reason if self._done else ""

    def note(self, event: object, progress: Progress) -> None:
        if isinstance(event, Prefilled) and event.done < event.total:
            progress.show(reading_line(event.done, event.total))
        elif isinstance(event, Piece):
            progress.clear()
            if not self._loaded.has_tokenizer and not self._tokens:
                told = tr("there is no vocabulary for this model: token ids are written")
                note(f"rookery: {told}")
            text = event.text.lstrip() if self._answers and not any(self._text) else event.text
            self._print(event, text)
            self._text.append(text)
            self._tokens.extend(fact.token for fact in event.tokens)
        elif isinstance(event, Done):
            self._done = event

    def _print(self, piece: Piece, said: str) -> None:
        if not self._aloud:
            return
        if not self._loaded.has_tokenizer:
            ids = ",".join(str(fact.token) for fact in piece.tokens)
            said = f",{ids}" if self._tokens and ids else ids
        emit(said, end="")

    def finish(self, *, as_json: bool) -> None:
        done = self._done
        assert done is not None
        rate = (done.tokens - 1) / done.decode_s if done.decode_s > 0 else 0.0
        if as_json:
            print_json(
                {
                    "text": "".join(self._text),
                    "tokens": self._tokens,
                    "prompt_tokens": done.prompt_tokens,
                    "computed_tokens": done.computed_tokens,
                    "stop_reason": done.reason,
                    "seed": done.seed,
                    "prefill_s": done.prefill_s,
                    "decode_s": done.decode_s,
                    "tokens_per_s": rate,
                    "strategy": self._loaded.strategy,
                    "approximate": done.approximate,
                }
            )
        elif sys.stdout.isatty():
            emit("")
            told = tr_n(
                "[{tokens} token, {rate} tokens/s, {reason}, seed {seed}]",
                "[{tokens} tokens, {rate} tokens/s, {reason}, seed {seed}]",
                done.tokens,
            )
            facts = {"tokens": done.tokens, "reason": done.reason, "seed": done.seed}
            note(told.format(rate=f"{rate:.1f}", **facts))
