"""The command line: verbs, their exit codes, and failures as one line of words."""

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from io import TextIOWrapper

from app.errors import Failure
from app.messages.translate import use_languages

from .options import parse

FAILED, INTERRUPTED, UNREAD = 1, 130, 141
"""Exit codes: a failure in words, Ctrl-C, and nobody reads what is printed (as a shell has it)."""


def run(arguments: Sequence[str]) -> int:
    """Run one verb; 0, 1 for a failure, 2 for a usage that makes no sense (see ``options``)."""
    _take_streams()
    use_languages()
    try:
        options = parse(arguments)
        from .recording import recorded  # not for help: it loads a little

        with recorded(options.verb):
            if options.verb in ("score", "bench"):  # they run the model in this process
                _look_first(options)
            return _verb(options.verb)(options)
    except SystemExit as leaving:  # argparse: help, version, or a usage error
        return int(leaving.code or 0)
    except Failure as failure:
        return _fail(failure)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return UNREAD
    finally:
        _leave_stdout()


def _take_streams() -> None:
    """Make stdout and stderr write "?" for what they cannot encode; replace closed streams."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _leave_stdout() -> None:
    """Drop what stdout still holds: nobody reads it, and Python would try to write it at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _verb(name: str) -> Callable[[Namespace], int]:
    """Import the module of a verb only when it is needed; by name, so that a bundler finds it."""
    if name in ("batch", "compare"):
        return _verb_of_many_texts(name)
    if name == "inspect":
        from .verbs.inspect_verb import run as verb
    elif name == "pack":
        from .verbs.pack_verb import run as verb
    elif name == "generate":
        from .verbs.generate_verb import run as verb
    elif name == "score":
        from .verbs.score_verb import run as verb
    elif name == "state":
        from .verbs.state_verb import run as verb
    elif name == "bench":
        from .verbs.bench_verb import run as verb
    elif name == "plan":
        from .verbs.plan_verb import run as verb
    elif name == "chat":
        from .verbs.chat_verb import run as verb
    else:
        return _verb_around(name)
    return verb


def _verb_of_many_texts(name: str) -> Callable[[Namespace], int]:
    if name == "batch":
        from .verbs.batch_verb import run as verb
    else:
        from .verbs.compare_verb import run as verb
    return verb


def _verb_around(name: str) -> Callable[[Namespace], int]:
    """Import and run a verb that deals with the library, with hubs or with other programs."""
    if name == "models":
        from .verbs.models_verb import run as verb
    elif name == "cards":
        from .verbs.gpus_verb import run as verb
    elif name == "search":
        from .verbs.search_verb import run as verb
    elif name == "download":
        from .verbs.download_verb import run as verb
    elif name == "log":
        from .verbs.log_verb import run as verb
    elif name == "serve":
        from .verbs.serve_verb import run as verb
    else:
        from .verbs.verify_verb import run as verb
    return verb


def _look_first(options: Namespace) -> None:
    """Report what the header shows before torch is imported, which takes a second."""
    from app.kernels.allocation import load_torch
    from app.runtime.loading.preflight import look_at

    from .choices import model_of

    look_at(model_of(options), options.strategy)
    load_torch()


def _fail(failure: Failure) -> int:
    from app.messages.failures import one_line

    from .output import note

    note(f"rookery: {one_line(failure)}")
    return FAILED
