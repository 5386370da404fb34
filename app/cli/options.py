"""The parser of the command line; refuses senseless usage before anything runs."""

import argparse
import math
from collections.abc import Callable, Sequence

from app import __version__

from .arguments.argument_types import bias, count, number, plain_text, sha256, token_ids
from .arguments.text_options import add_batch, add_compare
from .usage import Parser

_DESCRIPTION = """The desktop home for RWKV language models.  Without a verb the window opens."""
_EPILOG = """"rookery VERB --help" lists the options of a verb."""
_ALIASES = {"gpus": "cards"}
_MODEL = "a .pth, .safetensors or .gguf, or the folder of one in several files; without it the \
small guide that comes with the program"
_STRATEGY = (
    'how to run it, e.g. "cpu bf16", "cpu int8" or "cuda fp16" ("cuda:1 fp16" on the second card); \
without it what suits the machine'
)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for; ``verb`` of it is the verb's name, also where its alias was written.

    Raises SystemExit: 0 after help or version, 2 after a usage that makes no sense.
    """
    top = _parser()
    top.check_verb((*(name for name, _, _ in _VERBS), *_ALIASES), arguments)
    first, *others = arguments
    return top.parse_args([_ALIASES.get(first, first), *others])


def _parser() -> Parser:
    top = Parser(prog="rookery", description=_DESCRIPTION, epilog=_EPILOG)
    top.add_argument("--version", action="version", version=f"rookery {__version__}")
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, words, add in _VERBS:
        verb = verbs.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        verb.set_defaults(verb=name)
        add(verb)
    return top


def _inspect(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("file", metavar="FILE", help="a model file, or the folder of one")
    _add_json(verb)


def _generate(verb: argparse.ArgumentParser) -> None:
    _add_model(verb)
    prompt = verb.add_mutually_exclusive_group(required=True)
    prompt.add_argument(
        "--prompt",
        metavar="TEXT",
        type=plain_text,
        help="continued as it stands; answered with --template or without --model; - reads stdin",
    )
    prompt.add_argument("--tokens", metavar="1,2,3", type=token_ids, help="token ids to continue")
    _add_state(verb)
    _add_template(verb, "answer with this prompt template instead of going on as it stands")
    _add_ends(verb, 256)
    _add_sampling(verb)
    _add_json(verb)


def _batch(verb: argparse.ArgumentParser) -> None:
    _add_model(verb)
    add_batch(verb)
    _add_state(verb)
    _add_ends(verb, 256)
    _add_sampling(verb)
    _add_json(verb)


def _compare(verb: argparse.ArgumentParser) -> None:
    add_compare(verb)
    _add_json(verb)


def _score(verb: argparse.ArgumentParser) -> None:
    _add_model(verb)
    source = verb.add_mutually_exclusive_group(required=True)
    source.add_argument("--text-file", metavar="FILE", help="UTF-8 text; - reads stdin")
    source.add_argument("--tokens", metavar="1,2,3", type=token_ids, help="token ids")
    _add_state(verb)
    verb.add_argument(
        "--logits", metavar="OUT.npy", help="write the float32 logits after every token, [T, V]"
    )
    verb.add_argument(
        "--state-out", metavar="OUT.safetensors", help="write the state after the last token"
    )
    verb.add_argument(
        "--per-token",
        action="store_true",
        help="tell of each token its log-probability and the entropy of its place, in nats, its \
rank, and the text that it completes; nothing is known of the first",
    )
    verb.add_argument(
        "--chunk",
        metavar="N",
        type=count(1),
        default=256,
        help="tokens in one forward (%(default)s)",
    )
    _add_json(verb)


def _state(verb: argparse.ArgumentParser) -> None:
    actions = verb.add_subparsers(title="what to do", metavar="ACTION", required=True)
    make = actions.add_parser("make", help="read a text once and keep the state after it")
    make.set_defaults(action="make")
    _add_model(make)
    source = make.add_mutually_exclusive_group(required=True)
    source.add_argument("--text-file", metavar="FILE", help="UTF-8 text; - reads stdin")
    source.add_argument("--prompt", metavar="TEXT", type=plain_text, help="a text; - reads stdin")
    source.add_argument("--tokens", metavar="1,2,3", type=token_ids, help="token ids")
    make.add_argument("--out", metavar="S.safetensors", required=True, help="the file of the state")
    _add_state(make)
    _add_json(make)
    show = actions.add_parser("show", help="tell what is in the file of a state")
    show.set_defaults(action="show")
    show.add_argument("file", metavar="S", help="a state: .safetensors, .pth, .st or .state")
    _add_json(show)


def _bench(verb: argparse.ArgumentParser) -> None:
    _add_model(verb)
    for name, default, words in (
        ("--prompt-tokens", 256, "tokens of the prompt that is read"),
        ("--decode-tokens", 64, "tokens that are written"),
        ("--batch", 1, "texts at once"),
    ):
        verb.add_argument(
            name, metavar="N", type=count(1), default=default, help=f"{words} (%(default)s)"
        )
    _add_json(verb)


def _plan(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--model", metavar="FILE", help=_MODEL)
    verb.add_argument(
        "--machine",
        metavar="NAME|FILE",
        type=plain_text,
        default="",
        help="another machine than this one: its name, or a file that describes it",
    )
    for name, words in (("gpu", "of each card"), ("cpu", "beside the cards")):
        verb.add_argument(
            f"--{name}-limit",
            metavar="GB",
            type=number(0, 1e6),
            help=f"take no more memory {words} than this",
        )
    _add_json(verb)


def _chat(verb: argparse.ArgumentParser) -> None:
    _add_model(verb)
    verb.add_argument(
        "--system",
        metavar="TEXT",
        type=plain_text,
        default="",
        help="what is said to it beforehand",
    )
    _add_state(verb)
    _add_template(verb, "write turns so, and not in the model's own way")
    _add_ends(verb, 1024)
    _add_sampling(verb)


def _pack(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--model", metavar="FILE", required=True, help="the model, which stays")
    verb.add_argument(
        "--strategy",
        metavar="TEXT",
        default="cpu int8",
        help='"cpu int8" (without it) or "cpu int4"; a card takes the same copy',
    )
    verb.add_argument("--to", metavar="FILE", help="the copy; without it beside the model")
    _add_json(verb)


def _gpus(verb: argparse.ArgumentParser) -> None:
    _add_json(verb)


def _models(verb: argparse.ArgumentParser) -> None:
    _add_json(verb)


def _search(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "text", metavar="TEXT", nargs="*", type=plain_text, help="words to look for; none lists all"
    )
    _add_endpoint(verb)
    verb.add_argument(
        "--offline", action="store_true", help="ask nobody: what is known on this machine"
    )
    _add_json(verb)


def _download(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("repo", metavar="REPO", type=plain_text, help="owner/name on the hub")
    verb.add_argument("file", metavar="FILE", type=plain_text, help="its path in the repository")
    verb.add_argument("--to", metavar="DIR", default="", help="the folder; else the usual one")
    verb.add_argument(
        "--endpoint",
        metavar="URL",
        type=plain_text,
        default="",
        help="another hub than the usual one",
    )
    _add_json(verb)


def _log(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--tail", metavar="N", type=count(1), default=0, help="print its last lines instead"
    )
    _add_json(verb)


def _verify(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("file", metavar="FILE", help="a model file")
    verb.add_argument(
        "--sha256",
        metavar="HEX",
        type=sha256,
        help="what it must be; else what the catalogue or the hub tells of a file of this name",
    )
    _add_json(verb)


_VERBS: tuple[tuple[str, str, Callable[[argparse.ArgumentParser], None]], ...] = (
    ("inspect", "tell what is in a model file, from its header alone", _inspect),
    ("generate", "continue a text", _generate),
    ("batch", "run the rows of a file through a prompt template", _batch),
    ("compare", "tell how far two models or strategies differ on a text", _compare),
    ("score", "compute logits, state and perplexity of a text", _score),
    ("state", "read a text once and keep what the model remembers of it", _state),
    ("bench", "measure speed and memory of a model on this machine", _bench),
    ("plan", "tell how a model would run here: memory and speed of every way", _plan),
    ("chat", "talk to a model in the terminal", _chat),
    ("models", "list the models on this disk", _models),
    ("cards", "list NVIDIA cards, and whether models run on them (also: gpus)", _gpus),
    ("pack", "write a smaller copy in 8 or 4 bits, which loads faster", _pack),
    ("search", "find models to download, and tell which fit this machine", _search),
    ("download", "fetch a model from the hub, whole or not at all", _download),
    ("verify", "check whether a file is the one that was promised", _verify),
    ("log", "tell where the log and the files of crashes are, or print its end", _log),
)


def _add_model(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--model", metavar="FILE", help=_MODEL)
    verb.add_argument("--strategy", metavar="TEXT", default="", help=_STRATEGY)


def _add_state(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--state",
        metavar="S",
        help="the state to begin with: one that was saved here, or a tuned one (.pth, .st, .state)",
    )


def _add_ends(verb: argparse.ArgumentParser, default: int) -> None:
    verb.add_argument(
        "--max-tokens",
        metavar="N",
        type=count(0),
        default=default,
        help="write no more tokens than this (%(default)s)",
    )
    verb.add_argument(
        "--stop",
        metavar="TEXT",
        nargs="+",
        action="extend",
        default=[],
        type=plain_text,
        help="texts that end it; they are not part of it",
    )


def _add_template(verb: argparse.ArgumentParser, words: str) -> None:
    verb.add_argument(
        "--template",
        metavar="NAME",
        type=plain_text,
        default="",
        help=f"{words}: world, g1, bot, instruction, qa, text and others",
    )
    verb.add_argument(
        "--think",
        choices=("off", "on", "fake"),
        default="off",
        help="begin with a thought, or with an empty one: for models that were trained to",
    )


def _add_endpoint(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--endpoint",
        metavar="URL",
        default="",
        help="another hub than the one in the settings or in HF_ENDPOINT",
    )


def _add_json(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help="print one JSON object")


def _add_sampling(verb: argparse.ArgumentParser) -> None:
    """Without any of these the model runs with what its makers recommend."""
    group = verb.add_argument_group(
        "sampling", "What is not given is what the makers of the model recommend."
    )
    for name, metavar, kind, words in (
        ("--temperature", "X", number(0, 1000), "0 takes the best token"),
        ("--top-p", "X", number(0, math.inf), "keep the best that add up to this; 1 keeps all"),
        ("--top-k", "N", count(0), "keep so many of the best; 0 keeps all"),
        ("--min-p", "X", number(0, 1), "drop what is less likely than this part of the best"),
        ("--presence", "X", number(-1000, 1000), "penalty for each token already written"),
        ("--frequency", "X", number(-1000, 1000), "penalty for each time it was written"),
        ("--decay", "X", number(0, 1), "what is left of the penalties from token to token"),
        ("--seed", "N", count(0), "the same seed writes the same text"),
    ):
        group.add_argument(name, metavar=metavar, type=kind, help=words)
    group.add_argument(
        "--repetition-penalty",
        metavar="X",
        dest="repetition",
        type=number(0.01, 100),
        help="divides what speaks for tokens of the prompt and the text; 1 does nothing",
    )
    group.add_argument(
        "--logit-bias",
        metavar="ID=VALUE",
        action="append",
        type=bias,
        help="add this to the logit of a token, which makes it likelier or less likely; repeatable",
    )
    group.add_argument(
        "--ban",
        metavar="ID",
        action="extend",
        type=token_ids,
        help="never write this token, or these (1,2,3); repeatable",
    )
