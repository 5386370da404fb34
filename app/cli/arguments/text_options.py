"""The options of ``batch`` and ``compare`` that no other verb has."""

import argparse
from typing import Any

from app.messages.translate import tr

from .argument_types import count, plain_text, token_ids


def add_batch(verb: argparse.ArgumentParser) -> None:
    """Where rows come from, what they become, and where that goes."""
    verb.add_argument(
        "--input",
        metavar="FILE",
        required=True,
        help=tr(
            "a .csv, .tsv or .jsonl, else a text with a row in each line; - reads such a text "
            "from stdin"
        ),
    )
    verb.add_argument(
        "--template",
        metavar="TEXT",
        type=plain_text,
        default="{{text}}",
        help=tr(
            "the prompt of a row: {{NAME}} is its column of that name, {{text}} the one of "
            "--column (%(default)s)"
        ),
    )
    verb.add_argument(
        "--column",
        metavar="NAME",
        type=plain_text,
        default="",
        help=tr("which column {{text}} is; else the one called text, else the only one"),
    )
    verb.add_argument(
        "--output",
        metavar="OUT.jsonl",
        required=True,
        help=tr(
            "a line of JSON for each row, or with .csv or .tsv a table with the input's columns; "
            "how it was made is kept beside it, in OUT.jsonl.job.json"
        ),
    )
    verb.add_argument(
        "--resume",
        action="store_true",
        help=tr("go on with an output that was begun; begin it where there is none"),
    )
    verb.add_argument(
        "--retry",
        action="store_true",
        help=tr("in the end run the rows that failed once more; with --resume those of before too"),
    )
    verb.add_argument(
        "--batch",
        metavar="N",
        type=count(1),
        default=0,
        help=tr("run so many rows together; else as many as memory sensibly holds"),
    )
    verb.add_argument(
        "--chat", action="store_true", help=tr("each prompt is a message in a chat, to be answered")
    )
    verb.add_argument(
        "--chat-template",
        metavar="NAME",
        type=plain_text,
        default="",
        help=tr("write the chat so, and not in the model's own way: world, g1, qa and others"),
    )
    verb.add_argument(
        "--think",
        choices=("off", "on", "fake"),
        default="off",
        help=tr(
            "begin a reply with a thought, or with an empty one: for models that were trained to"
        ),
    )


def add_compare(verb: argparse.ArgumentParser) -> None:
    """Two sides and a text."""
    verb.add_argument(
        "--model",
        metavar="FILE",
        action=_AtMostTwice,
        help=tr("a model; twice for two that are compared with each other"),
    )
    verb.add_argument(
        "--strategy",
        metavar="TEXT",
        action=_AtMostTwice,
        help=tr('how to run it, e.g. "cpu fp32"; twice for two ways, of two models each its own'),
    )
    source = verb.add_mutually_exclusive_group(required=True)
    source.add_argument("--text-file", metavar="FILE", help=tr("UTF-8 text; - reads stdin"))
    source.add_argument("--tokens", metavar="1,2,3", type=token_ids, help=tr("token ids"))
    verb.add_argument(
        "--per-token",
        action="store_true",
        help=tr("tell of each token how far both differ at its place, and what each would write"),
    )


class _AtMostTwice(argparse.Action):
    """Values in a list."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        before = getattr(namespace, self.dest) or []
        if len(before) == 2:
            parser.error(tr("{} may be given twice at most").format(option))
        setattr(namespace, self.dest, [*before, values])
