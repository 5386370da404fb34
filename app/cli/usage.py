"""What is refused on the command line: usage of the verb, one sentence, exit code 2."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from app.messages.translate import tr


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
        self._check_options(sys.argv[1:] if args is None else args)
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(_unknown(unknown[0], self._option_string_actions))
        return known, unknown

    def _check_options(self, arguments: Sequence[str]) -> None:
        """An option that is misspelt comes before one that is missing: it may be the same."""
        if self._subparsers is not None:
            return
        known = self._option_string_actions
        for argument in arguments:
            name = argument.partition("=")[0]
            if argument == "--":
                return
            if not name.startswith("--") or " " in name:
                continue
            if not any(option.startswith(name) for option in known):
                self.error(_unknown(argument, known))

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
    if "--model" in options and _is_model(argument):
        told = tr('"{file}" is one word too many; did you mean --model {file}?')
        return told.format(file=argument)
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
