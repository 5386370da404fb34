"""Runs one test with every combination of its arguments, where each takes but a moment.

A test of pytest's own costs some milliseconds beside its work, which many combinations of short
ones do not need: they are one test, and a failure tells with which of them it came.
"""

import functools
import inspect
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

Test = Callable[..., None]


def each(**choices: Iterable[Any]) -> Callable[[Test], Test]:
    """As a ``pytest.mark.parametrize`` for each name, in one test.

    A fixture that has a method ``afresh`` is told so before each combination.  A choice may stand
    for several arguments: their names are joined by ``_and_``, and its values are tuples.
    """
    names = [tuple(name.split("_and_")) for name in choices]
    values = [list(one) for one in choices.values()]
    assert all(values), "a choice of nothing tests nothing"

    def of_all(test: Test) -> Test:
        @functools.wraps(test)
        def with_each(**fixtures: Any) -> None:
            for chosen in product(*values):
                case = _case(names, chosen)
                for fixture in fixtures.values():
                    getattr(fixture, "afresh", _nothing)()
                try:
                    test(**fixtures, **case)
                except BaseException as error:
                    error.add_note(f"with {case}")
                    raise

        signature = inspect.signature(test)
        chosen = {name for some in names for name in some}
        left = [one for name, one in signature.parameters.items() if name not in chosen]
        with_each.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return with_each

    return of_all


def _case(names: list[tuple[str, ...]], chosen: tuple[Any, ...]) -> dict[str, Any]:
    case: dict[str, Any] = {}
    for some, value in zip(names, chosen, strict=True):
        case |= zip(some, value, strict=True) if len(some) > 1 else [(some[0], value)]
    return case


def _nothing() -> None:
    pass
