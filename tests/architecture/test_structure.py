"""Where things lie: no circle of files, no crowded folder, no name twice, no word of our own."""

import ast
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app"
MOST_MODULES = 25

# The same interface for several devices: these names may stand in sibling folders.
TWINS = {"ops.py", "base.py", "ops_matrix.py", "ops_products.py", "ops_quantised.py"}
TWINS |= {"ops_sequence.py"}

# What things were called before they had the words of the field.
OLD_WORDS = """
    Shelf belonging group_of deeds twins Twins Crew crew Wire wire Pace pace How
    Way lying lying_packed turned let_go Apart Half Attend Feed attend attended CardState Buckets
    House Talk talk Writing Spoken Written Doorbell CrashDesk Unkept Arrivals Chores Teller
    wordless octets Ink ink _tight held_bytes motion_ms WorkerSilent
    Adds ByUnit Companion companion_in refuse_others Gone GoingAlong patiently fetcher_pid
    ConversationList TrashList Turning Uneven library_session hub_library load_library
"""


def _modules() -> dict[str, Path]:
    found = {}
    for path in sorted(APP.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


MODULES = _modules()


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def _imports(name: str, path: Path) -> Iterator[str]:
    """The modules of ours that a module imports, at whatever place in it, types included."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, node.module or ""]) if node.level else str(node.module)
            for alias in node.names:
                whole = f"{base.rstrip('.')}.{alias.name}"
                target = whole if whole in MODULES else base.rstrip(".")
                if target in MODULES and target != name:
                    yield target


def _circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in edges[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            at = stack.index(name)
            component = stack[at:]
            del stack[at:]
            if len(component) > 1:
                found.append(sorted(component))

    for name in list(edges):
        if name not in index:
            visit(name)
    return found


def test_no_two_files_import_each_other_whatever_the_way_round() -> None:
    edges: dict[str, set[str]] = defaultdict(set)
    for name, path in MODULES.items():
        edges[name] |= set(_imports(name, path))
    assert sum(map(len, edges.values())) > 500
    assert _circles(edges) == []


def test_a_circle_would_be_found() -> None:
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_no_folder_is_crowded() -> None:
    counts = Counter(path.parent.relative_to(ROOT).as_posix() for path in MODULES.values())
    assert {folder: n for folder, n in counts.items() if n > MOST_MODULES} == {}


def test_every_file_name_stands_once() -> None:
    places = defaultdict(list)
    for path in APP.rglob("*.py"):
        if path.name != "__init__.py":
            places[path.name].append(path.relative_to(ROOT).as_posix())
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert {name: found for name, found in twice.items() if name not in TWINS} == {}
    for name, found in twice.items():
        assert len({str(Path(place).parents[1]) for place in found if name in TWINS}) <= 2, found


def test_what_the_window_knows_imports_no_widget() -> None:
    for path in (APP / "ui" / "state").rglob("*.py"):
        for node in _nodes(path):
            if isinstance(node, ast.ImportFrom):
                assert node.module != "PySide6.QtWidgets", path


@pytest.mark.parametrize("folder", ["app", "bench"])
def test_no_identifier_has_a_word_of_our_own(folder: str) -> None:
    old = set(OLD_WORDS.split())
    found = set()
    for path in sorted((ROOT / folder).rglob("*.py")):
        with path.open("rb") as file:
            for token in tokenize.tokenize(file.readline):
                if token.type == tokenize.NAME and token.string in old:
                    found.add((path.relative_to(ROOT).as_posix(), token.start[0], token.string))
    assert found == set()


def test_the_tests_mirror_the_program() -> None:
    """Each folder of tests has the name of one in ``app``; a test's file may be finer."""
    own = {"support", "architecture", "packaging", "launcher", "training", "bench"}
    for path in (ROOT / "tests").rglob("__init__.py"):
        below = path.parent.relative_to(ROOT / "tests")
        if below.parts and below.parts[0] not in own and not re.search("emulation", str(below)):
            assert (APP / below).is_dir(), below


# Written for what is built next.
NOT_USED_YET: set[str] = set()


def _defined(path: Path) -> Iterator[str]:
    """The functions and classes of a module."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def _used(path: Path) -> Iterator[str]:
    """``name`` as it is read or imported, ``thing.name`` as it is asked of a thing."""
    for node in _nodes(path):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"\w+", node.value) if len(node.value) < 80 else ()


def test_nothing_is_defined_for_the_tests_alone() -> None:
    """What a module defines is used there, or by a module that imports something from it."""
    programs = [ROOT / "launch.py"]
    for folder in ("bench", "training", "resources", "launcher"):
        programs += (ROOT / folder).rglob("*.py")
    elsewhere = {name for path in programs for name in _used(path)}
    used = {name: set(_used(path)) for name, path in MODULES.items()}
    readers = defaultdict(set)
    for name, path in MODULES.items():
        readers[name].add(name)
        for target in set(_imports(name, path)):
            readers[target].add(name)
    unused = set()
    for name, path in MODULES.items():
        package, _, short = name.rpartition(".")
        asking = readers[name] | readers[package] | {package} & set(used)
        near = set().union(*(used[one] for one in asking))
        for one in _defined(path):
            if not {one, f"{short}.{one}"} & (near | elsewhere):
                unused.add(f"{name}.{one}")
    assert unused == NOT_USED_YET
