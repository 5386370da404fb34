"""Failures are raised with codes and facts: their sentences stand in messages alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import app
from app import errors
from app.errors import Failure

ROOT = Path(app.__file__).parent
FAMILIES = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, Failure)
}
OTHER_ERRORS = {"app/kernels/native/library.py"}  # its LibraryError is one of its own


def raised() -> Iterator[tuple[str, ast.Call, type[Failure]]]:
    """Every place that makes a failure, and the kind that it makes."""
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT.parent).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name in FAMILIES and place not in OTHER_ERRORS:
                yield f"{place}:{node.lineno}", node, FAMILIES[name]


def texts_of(node: ast.expr) -> Iterator[str]:
    """The literals that the value may be: those of both branches, and the pieces of an f-string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*texts_of(node.body), *texts_of(node.orelse))
    elif isinstance(node, ast.BoolOp | ast.JoinedStr):
        for value in node.values:
            yield from texts_of(value)


def test_no_failure_is_raised_with_a_fragment_of_a_sentence():
    for place, call, _ in raised():
        for value in (*call.args, *(keyword.value for keyword in call.keywords)):
            for text in texts_of(value):
                assert not any(c.isspace() for c in text), f"{place}: {text!r}"


def test_a_reason_that_is_raised_is_one_of_its_family():
    for place, call, kind in raised():
        for keyword in call.keywords:
            if keyword.arg == "why":
                for text in texts_of(keyword.value):
                    assert text in kind.reasons | {""}, f"{place}: {text!r}"


def test_a_thing_that_is_raised_is_one_of_its_family():
    for place, call, kind in raised():
        for keyword in call.keywords:
            if kind.things and keyword.arg in kind.worded and keyword.arg != "why":
                literal = not isinstance(keyword.value, ast.JoinedStr)
                for text in texts_of(keyword.value) if literal else ():
                    known = text in kind.things or text.isupper()  # as variables are
                    assert known, f"{place}: {text!r}"


def test_every_reason_and_every_thing_is_used_somewhere():
    used = set()
    for path in ROOT.rglob("*.py"):
        if path.parent.name in ("errors", "messages"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                used.add(node.value)
    for kind in FAMILIES.values():
        for code in kind.reasons | kind.things:
            assert code.removeprefix("lora-for-") in used, f"{kind.__name__}: {code}"
