"""Titles that nobody has to think of: from the first message, or written by the model."""

import contextlib
import re

from app.errors import Failure
from app.runtime.families.templates import thinks
from app.runtime.families.thinking import split_thinking
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Piece
from app.runtime.protocol.prompts import Chat, Sampling, Turn
from app.ui.state.services import Services

from .message_facts import title_of
from .message_tree import Tree
from .reply_requests import ReplyRequests

_ASKED = (
    "Write a title for this conversation: at most six words, in its own language. "
    "Answer with the title alone."
)
_LIMIT, _LEAST = 32, 2
_AROUND = "\"'“”„«»*_#`. :"
_NAMED = re.compile(r"(?i)^(?:title|titel|titre|título|标题)\s*[:：]\s*")


def first_title(services: Services, text: str) -> str:
    """What a conversation is called that begins with ``text``; "" where titles are off."""
    return "" if services.settings.now.automatic_titles == "off" else title_of(text)


def wants_title(services: Services, tree: Tree) -> bool:
    """Whether the model shall write the title now: behind the first reply, if nobody gave one."""
    by_model = services.settings.now.automatic_titles == "model"
    return by_model and not tree.conversation.own_title and len(tree.path()) == 2


async def written_title(services: Services, requests: ReplyRequests, tree: Tree) -> str:
    """A title that the model gives what was said so far; "" where nothing of use comes."""
    loaded = requests.loaded
    if loaded is None:
        return ""
    chat, _ = requests.chat(tree, tree.leaf)
    turns = [*chat.turns[:-1], Turn("assistant", split_thinking(chat.turns[-1].text)[1])]
    asked = Chat(
        turns=(*turns, Turn("user", _ASKED)),
        template=chat.template,
        form=chat.form,
        think="fake" if thinks(requests.form(tree, loaded)) else "off",
    )
    options = GenerateOptions(
        limit=_LIMIT, sampling=Sampling(temperature=0.0), stops=("\n\n",), reproducible=False
    )
    words = ""
    events = services.session.generate(asked, options)
    with contextlib.suppress(Failure):  # the reply is there, and its conversation has a title
        async with contextlib.aclosing(events):
            async for event in events:
                words += event.text if isinstance(event, Piece) else ""
    return cleaned(words)


def cleaned(words: str) -> str:
    """The title in what a model has written; "" where there is none."""
    said = split_thinking("<think" + words if words.startswith(">") else words)[1] or words
    lines = [line.strip(_AROUND) for line in said.strip().splitlines()]
    line = next((one for one in lines if len(one) >= _LEAST), "")
    return title_of(_NAMED.sub("", line).strip(_AROUND))
