"""Only planning reads the text of a strategy: everybody else asks what it means."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLANNING = ROOT / "app" / "runtime" / "planning"
_CUTS = {"partition", "rpartition", "split", "startswith", "endswith", "removeprefix"}


def _cuts(tree):
    """Calls that cut a text open which is called a strategy, or look for a device in one."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr not in _CUTS:
            continue
        device = any(
            isinstance(one, ast.Constant) and one.value in ("cpu", "cuda", "cpu ", "cuda ")
            for one in node.args
        )
        if device or "strategy" in ast.unparse(node.func.value):
            yield node.lineno


def test_nobody_cuts_the_text_of_a_strategy_but_planning():
    files = [file for file in (ROOT / "app").rglob("*.py") if PLANNING not in file.parents]
    assert len(files) > 200
    found = {
        f"{file.relative_to(ROOT)}:{line}"
        for file in files
        for line in _cuts(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert not found


def test_a_cut_would_be_found():
    for text in (
        'loaded.strategy.rpartition(" ")',
        'strategy.startswith("fp")',
        'way.startswith("cuda")',
        'str(facts.get("strategy", "")).endswith("fp32")',
    ):
        assert list(_cuts(ast.parse(text))) == [1]
