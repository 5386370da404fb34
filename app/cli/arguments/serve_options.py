"""The options of ``serve`` that no other verb has."""

import argparse
import math

from app.messages.translate import tr

from .argument_types import count, number, plain_text


def add_serve(verb: argparse.ArgumentParser, strategy: str) -> None:
    """Where it listens, who may ask, what is offered, and how much at once.

    ``strategy`` are the words about how a model is run.
    """
    verb.add_argument(
        "--model",
        metavar="FILE",
        help=tr(
            "open this model before the first request: a .pth, .safetensors or .gguf, or the "
            "folder of one in several files"
        ),
    )
    verb.add_argument("--strategy", metavar="TEXT", default="", help=strategy)
    verb.add_argument(
        "--host",
        metavar="ADDRESS",
        type=plain_text,
        default="127.0.0.1",
        help=tr("listen here (%(default)s); other computers reach other addresses, with a key"),
    )
    verb.add_argument(
        "--port",
        metavar="N",
        type=_port,
        default=8790,
        help=tr("listen at this port (%(default)s); 0 takes a free one"),
    )
    key = verb.add_mutually_exclusive_group()
    key.add_argument(
        "--api-key",
        metavar="K",
        type=plain_text,
        default="",
        help=tr("answer only whoever sends this key; others on this computer may see it here"),
    )
    key.add_argument(
        "--api-key-file", metavar="F", type=plain_text, help=tr("the key is what is in this file")
    )
    verb.add_argument(
        "--models-folder",
        metavar="DIR",
        nargs="+",
        action="extend",
        default=[],
        help=tr("offer the models in these folders, opened on demand; else those of the library"),
    )
    verb.add_argument(
        "--idle-unload",
        metavar="MIN",
        type=number(0, math.inf),
        default=0.0,
        help=tr("after so many minutes without a request free the model's memory; 0 never does"),
    )
    verb.add_argument(
        "--max-batch",
        metavar="N",
        type=count(1),
        default=0,
        help=tr("write so many texts at once; else as many as memory sensibly holds"),
    )
    verb.add_argument(
        "--max-queue",
        metavar="N",
        type=count(1),
        default=64,
        help=tr("let so many texts wait (%(default)s); more are refused"),
    )
    verb.add_argument(
        "--allow-origin",
        metavar="URL",
        nargs="+",
        action="extend",
        default=[],
        type=plain_text,
        help=tr("let web pages from there read answers, besides those of this computer"),
    )
    verb.add_argument(
        "--json-log",
        action="store_true",
        help=tr("write a line of JSON to stderr for each request, without its texts"),
    )


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(tr("{} is not a port, 0 to 65535").format(text))
    return value


_port.__name__ = "port"
