"""The options that say how tokens are chosen."""

import argparse
import math

from app.messages.translate import tr, tr_noop

from .argument_types import bias, count, number, token_ids


def add_sampling(verb: argparse.ArgumentParser) -> None:
    """Without any of these the model runs with what its makers recommend."""
    group = verb.add_argument_group(
        tr("sampling"), tr("What is not given is what the makers of the model recommend.")
    )
    for name, metavar, kind, words in (
        ("--temperature", "X", number(0, 1000), tr_noop("0 takes the best token")),
        (
            "--top-p",
            "X",
            number(0, math.inf),
            tr_noop("keep the best that add up to this; 1 keeps all"),
        ),
        ("--top-k", "N", count(0), tr_noop("keep so many of the best; 0 keeps all")),
        (
            "--min-p",
            "X",
            number(0, 1),
            tr_noop("drop what is less likely than this part of the best"),
        ),
        (
            "--presence",
            "X",
            number(-1000, 1000),
            tr_noop("penalty for each token already written"),
        ),
        (
            "--frequency",
            "X",
            number(-1000, 1000),
            tr_noop("penalty for each time it was written"),
        ),
        (
            "--decay",
            "X",
            number(0, 1),
            tr_noop("what is left of the penalties from token to token"),
        ),
        ("--seed", "N", count(0), tr_noop("the same seed writes the same text")),
    ):
        group.add_argument(name, metavar=metavar, type=kind, help=tr(words))
    group.add_argument(
        "--repetition-penalty",
        metavar="X",
        dest="repetition",
        type=number(0.01, 100),
        help=tr("divides what speaks for tokens of the prompt and the text; 1 does nothing"),
    )
    group.add_argument(
        "--logit-bias",
        metavar="ID=VALUE",
        action="append",
        type=bias,
        help=tr(
            "add this to the logit of a token, which makes it likelier or less likely; repeatable"
        ),
    )
    group.add_argument(
        "--ban",
        metavar="ID",
        action="extend",
        type=token_ids,
        help=tr("never write this token, or these (1,2,3); repeatable"),
    )
