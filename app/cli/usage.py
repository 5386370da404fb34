"""What is refused on the command line: usage of the verb, one sentence, exit code 2; and types."""

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from app.messages.translate import tr

_INT64 = 2**63


class Parser(argparse.ArgumentParser):
    """An ArgumentParser of a verb that refuses unknown options with its own usage.

    argparse would leave that to the main parser, which shows the usage of the program.
    """

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 after the usage and ``message`` as a sentence."""
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {_sentence(message)}\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but nothing stays unknown: exits with code 2 instead."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(_unknown(unknown[0], self._option_string_actions))
        return known, unknown

    def check_verb(self, verbs: Sequence[str], arguments: Sequence[str]) -> None:
        """Exit with code 2 if the first argument is neither an option nor one of ``verbs``.

        The sentence says which verb is the nearest, or what to type where a model stands there.
        """
        first = arguments[0] if arguments else ""
        if first in verbs or first in self._option_string_actions:
            return
        if first.startswith("-"):
            self.error(_unknown(first, self._option_string_actions))
        if not first:
            self.error(tr("a verb is missing; --help lists them"))
        if _is_model(first):
            told = tr('"{file}" is a model, not a verb: try "rookery chat --model {file}"')
            self.error(told.format(file=first))
        no_verb = tr('there is no verb "{}"').format(first)
        self.error(f"{no_verb}{_nearest(first, verbs)}")


def _sentence(message: str) -> str:
    return message if message.endswith((".", "?")) else f"{message}."


def _unknown(argument: str, options: Iterable[str]) -> str:
    if argument.startswith("-"):
        name = argument.partition("=")[0]
        no_option = tr("there is no option {}").format(name)
        return f"{no_option}{_nearest(name, options, quote='')}"
    told = tr('"{}" is one word too many; words with spaces between them need quotes')
    return told.format(argument)


def _is_model(name: str) -> bool:
    from app.runtime.checkpoint.file_names import is_candidate  # here: --help comes without it

    return is_candidate(name)


def _nearest(word: str, known: Iterable[str], quote: str = '"') -> str:
    import difflib  # here for the same reason

    long = [name for name in known if len(name) > 2]  # one letter is near to every other
    near = difflib.get_close_matches(word.lower(), long, n=1, cutoff=0.5)
    if not near:
        return tr("; --help lists what there is")
    return tr("; did you mean {}?").format(f"{quote}{near[0]}{quote}")


def count_type(least: int) -> Callable[[str], int]:
    """The type of a whole number from ``least`` on, for argparse."""

    def count(text: str) -> int:
        number = int(text)
        if not least <= number < _INT64:
            raise argparse.ArgumentTypeError(
                tr("{text} is not a number from {least} on").format(text=text, least=least)
            )
        return number

    count.__name__ = "whole number"
    return count


def number_type(least: float, most: float) -> Callable[[str], float]:
    """The type of a number from ``least`` to ``most``, for argparse."""

    def number(text: str) -> float:
        value = float(text)
        if not (least <= value <= most and math.isfinite(value)):
            refusal = tr("{text} is not a number in {least} to {most}")
            if most == math.inf:
                refusal = tr("{text} is not a number in {least} or more")
            raise argparse.ArgumentTypeError(
                refusal.format(text=text, least=f"{least:g}", most=f"{most:g}")
            )
        return value

    number.__name__ = "number"
    return number


def tokens_type(text: str) -> tuple[int, ...]:
    """Token ids with commas between them."""
    tokens = tuple(int(part) for part in text.split(",")) if text.strip() else ()
    if any(abs(token) >= _INT64 for token in tokens):
        raise argparse.ArgumentTypeError(tr("a token id is too large"))
    return tokens


tokens_type.__name__ = "list of token ids"


def bias_type(text: str) -> tuple[int, float]:
    """A token id and what is added to its logit: ``33=-1.5``."""
    token, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(
            tr("{} is not a token id, =, and a number: 33=-1.5").format(text)
        )
    ids = tokens_type(token)
    if len(ids) != 1:
        raise argparse.ArgumentTypeError(tr("{} does not begin with one token id").format(text))
    return ids[0], number_type(-1000, 1000)(value)


bias_type.__name__ = "token id, =, and number"


def sha256_type(text: str) -> str:
    """64 hexadecimal digits, in lower case."""
    digest = text.strip().lower()
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise argparse.ArgumentTypeError(tr("a SHA-256 has 64 hexadecimal digits"))
    return digest


def text_type(text: str) -> str:
    """Bytes on the command line that are not UTF-8 become U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
