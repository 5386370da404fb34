"""The options that hold a text to a grammar."""

import argparse

from app.messages.translate import tr

from .argument_types import plain_text


def add_grammar(verb: argparse.ArgumentParser) -> None:
    """At most one of them."""
    group = verb.add_argument_group(
        tr("form"),
        tr("Nothing is written that does not fit; --max-tokens may cut it, and that is told."),
    ).add_mutually_exclusive_group()
    group.add_argument(
        "--json-schema",
        metavar="FILE",
        type=plain_text,
        help=tr(
            "write JSON that fits this JSON schema: a file, - for stdin, or the schema itself, "
            "such as {} for any JSON"
        ),
    )
    group.add_argument(
        "--regex", metavar="TEXT", type=plain_text, help=tr("write what this expression matches")
    )
    group.add_argument(
        "--grammar",
        metavar="FILE",
        type=plain_text,
        help=tr("write what this grammar for Lark gives, from its rule start; - for stdin"),
    )
