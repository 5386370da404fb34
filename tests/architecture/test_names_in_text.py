"""Docstrings, comments and documents name only what there is: modules, classes and functions."""

import ast
import keyword
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ("app", "bench", "training", "launcher", "resources")
SOURCES = (".py", ".h", ".cpp", ".cu", ".cuh")
DOCUMENTS = [
    *("README.md", "CONTRIBUTING.md"),
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))),
]

# What belongs to other projects and to the system.
FILES_OF_OTHERS = {
    *("llama.cpp", "convert_hf_to_gguf.py", "convert_safetensors.py", "hub/api.py", "malloc.h"),
    *("torch/serialization.py", "torch/_utils.py"),
}
NAMES_OF_OTHERS = {"NO_PROXY", "MADV_POPULATE_READ", "t125"}

# A file of sources, whether in backticks or not; not one of a pattern or a placeholder.
_FILE = re.compile(r"(?<![\w./*<{-])((?:[\w-]+/)*[a-z_]\w*\.(?:py|h|cpp|cu|cuh))\b(?![.(*])")
_IN_DOCSTRING = re.compile(r"``([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:\(\))?``")
_IN_DOCUMENT = re.compile(r"(?<!`)`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:\(\))?`(?!`)")


@cache
def _files() -> frozenset[str]:
    """Every source file of the tree, by its path from the root."""
    found = {path.name for path in ROOT.glob("*.py")}
    for folder in (*PROGRAM, "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in SOURCES:
                found.add(path.relative_to(ROOT).as_posix())
    return frozenset(found)


def _is_there(file: str) -> bool:
    return any(path == file or path.endswith(f"/{file}") for path in _files())


def _python(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@cache
def _parts(path: Path) -> tuple[tuple[tuple[int, str], ...], frozenset[str]]:
    """The docstrings and comments of a module, by line; and all its other identifiers and words."""
    source = path.read_text(encoding="utf-8")
    texts = [
        (number, line[line.index("# ") :])
        for number, line in enumerate(source.splitlines(), 1)
        if re.search(r"(?:^|\s)# ", line)
    ]
    names = set(re.findall(r"\w+", path.relative_to(ROOT).as_posix()))
    docs = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                docs.add(node.value)
                texts.append((node.lineno, text))
            case ast.Constant(value=str() | bytes()) if node not in docs:
                names |= set(re.findall(r"\w+", str(node.value)))
            case _:
                for field in ("id", "attr", "arg", "name", "module"):
                    names |= set(str(getattr(node, field, None) or "").split("."))
    return tuple(texts), frozenset(names)


@cache
def _names(*folders: str) -> frozenset[str]:
    """Every identifier in these folders, and every word of a string that is no docstring."""
    found = set(re.findall(r"\w+", (ROOT / "pyproject.toml").read_text("utf-8")))
    found |= set(keyword.kwlist)
    for path in [*_python(*folders), *ROOT.glob("*.py")]:
        found |= _parts(path)[1]
    for file in _files():
        if not file.endswith(".py"):
            found |= set(re.findall(r"\w+", (ROOT / file).read_text(encoding="utf-8")))
    return frozenset(found)


def test_every_file_that_a_docstring_or_comment_names_is_there() -> None:
    gone = set()
    for path in _python(*PROGRAM):
        for line, text in _parts(path)[0]:
            for file in _FILE.findall(text):
                if not _is_there(file) and file not in FILES_OF_OTHERS:
                    gone.add((path.relative_to(ROOT).as_posix(), line, file))
    assert gone == set()


def test_every_name_in_the_backticks_of_a_docstring_or_comment_is_there() -> None:
    gone = set()
    for path in _python(*PROGRAM):
        for line, text in _parts(path)[0]:
            for name in _IN_DOCSTRING.findall(text):
                if not set(name.split(".")) <= _names(*PROGRAM) | NAMES_OF_OTHERS:
                    gone.add((path.relative_to(ROOT).as_posix(), line, name))
    assert gone == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_name_in_the_backticks_of_a_document_is_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    known = _names(*PROGRAM, "tests") | NAMES_OF_OTHERS
    for name in set(_IN_DOCUMENT.findall(text)):
        page = ROOT / "docs" / f"{name}.md"
        assert _is_there(name) or page.exists() or set(name.split(".")) <= known, name


def test_a_name_that_is_gone_would_be_found() -> None:
    assert _FILE.findall("see app/system/gone_module.py and ``twins.py``") == [
        "app/system/gone_module.py",
        "twins.py",
    ]
    assert not _is_there("gone_" + "module.py")
    assert _IN_DOCSTRING.findall("as ``GoneClass`` and ``one.two()`` say") == [
        "GoneClass",
        "one.two",
    ]
    assert "GoneClass" not in _names(*PROGRAM)
