"""The options that merge adapters into a model while it is opened."""

import argparse
from typing import Any

from app.messages.translate import tr

from .argument_types import number


def add_adapter(verb: argparse.ArgumentParser) -> None:
    """Adapters, each perhaps with an alpha of its own behind it."""
    verb.add_argument(
        "--adapter",
        metavar="FILE",
        action=_Adapters,
        default=[],
        dest="adapters",
        help=tr(
            "merge this adapter into the model before it runs: LoRA, PiSSA, MiSS, DiSHA or Bone, "
            "as a file or a folder; repeatable"
        ),
    )
    verb.add_argument(
        "--alpha",
        metavar="X",
        type=number(-1e6, 1e6),
        action=_Adapters,
        default=argparse.SUPPRESS,
        help=tr("the alpha of the adapter before it, where its file does not tell it"),
    )


class _Adapters(argparse.Action):
    """Pairs of a file and an alpha, in the order in which they were given."""

    def __call__(self, parser: Any, namespace: Any, value: Any, option: Any = None) -> None:
        before: list[tuple[str, float | None]] = list(getattr(namespace, "adapters", ()))
        if option == "--adapter":
            before.append((value, None))
        elif not before or before[-1][1] is not None:
            parser.error(tr("--alpha belongs behind the --adapter that it is for"))
        else:
            before[-1] = (before[-1][0], value)
        namespace.adapters = before
