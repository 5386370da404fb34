"""A thought that has become too long is closed, and the answer follows it as one text."""

import asyncio
from types import SimpleNamespace

from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Piece, ReplyBegun, TokenFacts
from app.runtime.protocol.prompts import Chat, Text, Turn
from app.runtime.protocol.token_spans import TokenSpan
from app.server.thought_budget import with_budget

LOADED = SimpleNamespace(templates=("g1",))
CHAT = Chat(turns=(Turn("user", "Hi"),), think="on")


def piece(text):
    return Piece(id=1, text=text, tokens=(TokenFacts(5),))


def done(tokens, prompt=7):
    return Done(
        id=1, reason="stop", prompt_tokens=prompt, computed_tokens=prompt, tokens=tokens,
        prefill_s=1, decode_s=1, first_token_s=1, seed=3,
    )  # fmt: skip


class Runner:
    """Writes these replies, one for each request, and keeps what was asked."""

    def __init__(self, *replies):
        self.replies, self.asked = list(replies), []

    async def generate(self, prompt, options):
        self.asked.append((prompt, options))
        yield ReplyBegun(id=1, tokens=TokenSpan("v"))
        for event in self.replies.pop(0):
            yield event


def told(runner, prompt, most):
    async def run():
        asked = with_budget(runner, LOADED, prompt, GenerateOptions(limit=50), most)
        return [event async for event in asked]

    events = asyncio.run(run())
    text = "".join(event.text for event in events if isinstance(event, Piece))
    ends = [event for event in events if isinstance(event, Done)]
    assert sum(isinstance(event, ReplyBegun) for event in events) == 1
    assert len(ends) == 1
    return text, ends[0]


def test_a_long_thought_is_closed_and_both_parts_are_counted():
    thought = [piece(">\nA"), piece(" b"), piece(" c"), piece(" d"), done(4)]
    runner = Runner(thought, [piece(" Yes"), piece("."), done(2, prompt=7 + 3 + 4)])
    text, end = told(runner, CHAT, 3)
    assert text == ">\nA b c\n</think>\n\n Yes."
    assert (end.tokens, end.prompt_tokens) == (5, 11)
    (_, first), (prompt, options) = runner.asked
    assert prompt.turns[-1].text == "<think>\nA b c\n</think>\n\n"
    assert (first.limit, options.limit) == (50, 47)


def test_a_thought_that_ends_in_time_and_a_text_without_one_are_left_alone():
    short = [piece(">\nA"), piece("</think>"), piece(" Yes"), piece("."), done(4)]
    assert told(Runner(short), CHAT, 3)[0] == ">\nA</think> Yes."
    plain = [piece("a"), piece("b"), piece("c"), piece("d"), done(4)]
    assert told(Runner(plain), Text("x"), 3)[0] == "abcd"
