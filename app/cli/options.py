"""The parser of the command line; refuses senseless usage before anything runs."""

import argparse
from collections.abc import Callable, Sequence

from app import __version__
from app.messages.translate import tr, tr_noop

from .arguments.adapter_options import add_adapter
from .arguments.argument_types import count, number, plain_text, sha256, token_ids
from .arguments.grammar_options import add_grammar
from .arguments.sampling_options import add_sampling
from .arguments.serve_options import add_serve
from .arguments.text_options import add_batch, add_compare
from .usage import Parser

_DESCRIPTION = tr_noop(
    """The desktop home for RWKV language models.  Without a verb the window opens."""
)
_EPILOG = tr_noop(""""rookery VERB --help" lists the options of a verb.""")
_ALIASES = {"gpus": "cards"}
_MODEL = tr_noop(
    "a .pth, .safetensors or .gguf, or the folder of one in several files; without it the \
small guide that comes with the program"
)
_STRATEGY = tr_noop(
    'how to run it, e.g. "cpu bf16", "cpu int8" or "cuda fp16" ("cuda:1 fp16" on the second card), \
or by layers, "cuda fp16 *20 -> cpu int8"; of "cpu bf16 *4+" 4 layers stay in memory and the \
others are read from the file for each token; without it what suits the machine'
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
    top = Parser(prog="rookery", description=tr(_DESCRIPTION), epilog=tr(_EPILOG))
    top.add_argument("--version", action="version", version=f"rookery {__version__}")
    verbs = top.add_subparsers(title=tr("verbs"), metavar="VERB", required=True)
    for name, words, add in _VERBS:
        told = tr(words)
        said = f"{told[:1].upper()}{told[1:]}."
        verb = verbs.add_parser(name, help=told, description=said)
        verb.set_defaults(verb=name)
        add(verb)
    return top


def _inspect(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("file", metavar="FILE", help=tr("a model file, or the folder of one"))
    _add_json(verb)


def _generate(verb: argparse.ArgumentParser) -> None:
    _add_model(verb)
    prompt = verb.add_mutually_exclusive_group(required=True)
    prompt.add_argument(
        "--prompt",
        metavar="TEXT",
        type=plain_text,
        help=tr(
            "continued as it stands; answered with --template or without --model; - reads stdin"
        ),
    )
    prompt.add_argument(
        "--tokens", metavar="1,2,3", type=token_ids, help=tr("token ids to continue")
    )
    _add_state(verb)
    _add_state_cache(verb)
    _add_template(verb, tr("answer with this prompt template instead of going on as it stands"))
    _add_ends(verb, 256)
    add_sampling(verb)
    add_grammar(verb)
    _add_json(verb)


def _batch(verb: argparse.ArgumentParser) -> None:
    _add_model(verb)
    add_batch(verb)
    _add_state(verb)
    _add_ends(verb, 256)
    add_sampling(verb)
    add_grammar(verb)
    _add_json(verb)


def _compare(verb: argparse.ArgumentParser) -> None:
    add_compare(verb)
    _add_json(verb)


def _score(verb: argparse.ArgumentParser) -> None:
    _add_model(verb)
    source = verb.add_mutually_exclusive_group(required=True)
    source.add_argument("--text-file", metavar="FILE", help=tr("UTF-8 text; - reads stdin"))
    source.add_argument("--tokens", metavar="1,2,3", type=token_ids, help=tr("token ids"))
    _add_state(verb)
    verb.add_argument(
        "--logits", metavar="OUT.npy", help=tr("write the float32 logits after every token, [T, V]")
    )
    verb.add_argument(
        "--state-out", metavar="OUT.safetensors", help=tr("write the state after the last token")
    )
    verb.add_argument(
        "--per-token",
        action="store_true",
        help=tr(
            "tell of each token its log-probability and the entropy of its place, in nats, its \
rank, and the text that it completes; nothing is known of the first"
        ),
    )
    verb.add_argument(
        "--chunk",
        metavar="N",
        type=count(1),
        default=256,
        help=tr("tokens in one forward (%(default)s)"),
    )
    _add_json(verb)


def _state(verb: argparse.ArgumentParser) -> None:
    actions = verb.add_subparsers(title=tr("what to do"), metavar="ACTION", required=True)
    make = actions.add_parser("make", help=tr("read a text once and keep the state after it"))
    make.set_defaults(action="make")
    _add_model(make)
    source = make.add_mutually_exclusive_group(required=True)
    source.add_argument("--text-file", metavar="FILE", help=tr("UTF-8 text; - reads stdin"))
    source.add_argument(
        "--prompt", metavar="TEXT", type=plain_text, help=tr("a text; - reads stdin")
    )
    source.add_argument("--tokens", metavar="1,2,3", type=token_ids, help=tr("token ids"))
    make.add_argument(
        "--out", metavar="S.safetensors", required=True, help=tr("the file of the state")
    )
    _add_state(make)
    _add_json(make)
    show = actions.add_parser("show", help=tr("tell what is in the file of a state"))
    show.set_defaults(action="show")
    show.add_argument("file", metavar="S", help=tr("a state: .safetensors, .pth, .st or .state"))
    _add_json(show)


def _bench(verb: argparse.ArgumentParser) -> None:
    _add_model(verb)
    for name, default, words in (
        ("--prompt-tokens", 256, tr_noop("tokens of the prompt that is read")),
        ("--decode-tokens", 64, tr_noop("tokens that are written")),
        ("--batch", 1, tr_noop("texts at once")),
    ):
        verb.add_argument(
            name,
            metavar="N",
            type=count(1),
            default=default,
            help=f"{tr(words)} (%(default)s)",
        )
    _add_json(verb)


def _plan(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--model", metavar="FILE", help=tr(_MODEL))
    verb.add_argument(
        "--strategy",
        metavar="TEXT",
        type=plain_text,
        default="",
        help=tr('tell of this way too, e.g. "cuda fp16 *20 -> cpu int8"'),
    )
    verb.add_argument(
        "--machine",
        metavar="NAME|FILE",
        type=plain_text,
        default="",
        help=tr("another machine than this one: its name, or a file that describes it"),
    )
    _add_limits(verb)
    _add_json(verb)


def _chat(verb: argparse.ArgumentParser) -> None:
    _add_model(verb)
    verb.add_argument(
        "--system",
        metavar="TEXT",
        type=plain_text,
        default="",
        help=tr("what is said to it beforehand"),
    )
    _add_state(verb)
    _add_state_cache(verb)
    _add_template(verb, tr("write turns so, and not in the model's own way"))
    _add_ends(verb, 1024)
    add_sampling(verb)
    add_grammar(verb)


def _serve(verb: argparse.ArgumentParser) -> None:
    add_serve(verb, tr(_STRATEGY))
    _add_limits(verb)
    _add_state_cache(verb)


def _pack(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--model", metavar="FILE", required=True, help=tr("the model, which stays"))
    verb.add_argument(
        "--strategy",
        metavar="TEXT",
        default="cpu int8",
        help=tr('"cpu int8" (without it) or "cpu int4"; a card takes the same copy'),
    )
    verb.add_argument("--to", metavar="FILE", help=tr("the copy; without it beside the model"))
    _add_json(verb)


def _gpus(verb: argparse.ArgumentParser) -> None:
    _add_json(verb)


def _models(verb: argparse.ArgumentParser) -> None:
    _add_json(verb)


def _search(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "text",
        metavar="TEXT",
        nargs="*",
        type=plain_text,
        help=tr("words to look for; none lists all"),
    )
    _add_endpoint(verb)
    verb.add_argument(
        "--offline", action="store_true", help=tr("ask nobody: what is known on this machine")
    )
    _add_json(verb)


def _download(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("repo", metavar="REPO", type=plain_text, help=tr("owner/name on the hub"))
    verb.add_argument(
        "file", metavar="FILE", type=plain_text, help=tr("its path in the repository")
    )
    verb.add_argument("--to", metavar="DIR", default="", help=tr("the folder; else the usual one"))
    verb.add_argument(
        "--endpoint",
        metavar="URL",
        type=plain_text,
        default="",
        help=tr("another hub than the usual one"),
    )
    _add_json(verb)


def _log(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--tail",
        metavar="N",
        type=count(1),
        default=0,
        help=tr("print its last lines instead"),
    )
    _add_json(verb)


def _verify(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("file", metavar="FILE", help=tr("a model file"))
    verb.add_argument(
        "--sha256",
        metavar="HEX",
        type=sha256,
        help=tr("what it must be; else what the catalogue or the hub tells of a file of this name"),
    )
    _add_json(verb)


_VERBS: tuple[tuple[str, str, Callable[[argparse.ArgumentParser], None]], ...] = (
    ("inspect", tr_noop("tell what is in a model file, from its header alone"), _inspect),
    ("generate", tr_noop("continue a text"), _generate),
    ("batch", tr_noop("run the rows of a file through a prompt template"), _batch),
    ("compare", tr_noop("tell how far two models or strategies differ on a text"), _compare),
    ("score", tr_noop("compute logits, state and perplexity of a text"), _score),
    ("state", tr_noop("read a text once and keep what the model remembers of it"), _state),
    ("bench", tr_noop("measure speed and memory of a model on this machine"), _bench),
    ("plan", tr_noop("tell how a model would run here: memory and speed of every way"), _plan),
    ("chat", tr_noop("talk to a model in the terminal"), _chat),
    ("serve", tr_noop("let other programs ask a model, as they ask OpenAI or Ollama"), _serve),
    ("models", tr_noop("list the models on this disk"), _models),
    ("cards", tr_noop("list NVIDIA cards, and whether models run on them (also: gpus)"), _gpus),
    ("pack", tr_noop("write a smaller copy in 8 or 4 bits, which loads faster"), _pack),
    ("search", tr_noop("find models to download, and tell which fit this machine"), _search),
    ("download", tr_noop("fetch a model from the hub, whole or not at all"), _download),
    ("verify", tr_noop("check whether a file is the one that was promised"), _verify),
    ("log", tr_noop("tell where the log and the files of crashes are, or print its end"), _log),
)


def _add_model(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--model", metavar="FILE", help=tr(_MODEL))
    verb.add_argument("--strategy", metavar="TEXT", default="", help=tr(_STRATEGY))
    _add_limits(verb)
    add_adapter(verb)


def _add_limits(verb: argparse.ArgumentParser) -> None:
    for name, words in (
        ("gpu", tr_noop("take no more memory of each card than this")),
        ("cpu", tr_noop("take no more memory beside the cards than this")),
    ):
        verb.add_argument(f"--{name}-limit", metavar="GB", type=number(0, 1e6), help=tr(words))


def _add_state(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--state",
        metavar="S",
        help=tr(
            "the state to begin with: one that was saved here, or a tuned one (.pth, .st, .state)"
        ),
    )


def _add_state_cache(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--state-cache",
        metavar="DIR",
        type=plain_text,
        default="",
        help=tr(
            "keep what the model remembers in this folder and go on from what is there; without it \
nothing is kept"
        ),
    )


def _add_ends(verb: argparse.ArgumentParser, default: int) -> None:
    verb.add_argument(
        "--max-tokens",
        metavar="N",
        type=count(0),
        default=default,
        help=tr("write no more tokens than this (%(default)s)"),
    )
    verb.add_argument(
        "--stop",
        metavar="TEXT",
        nargs="+",
        action="extend",
        default=[],
        type=plain_text,
        help=tr("texts that end it; they are not part of it"),
    )


def _add_template(verb: argparse.ArgumentParser, words: str) -> None:
    verb.add_argument(
        "--template",
        metavar="NAME",
        type=plain_text,
        default="",
        help=f"{words}: world, g1, bot, instruction, qa, text, …",
    )
    verb.add_argument(
        "--think",
        choices=("off", "on", "fake"),
        default="off",
        help=tr("begin with a thought, or with an empty one: for models that were trained to"),
    )


def _add_endpoint(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--endpoint",
        metavar="URL",
        default="",
        help=tr("another hub than the one in the settings or in HF_ENDPOINT"),
    )


def _add_json(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help=tr("print one JSON object"))
