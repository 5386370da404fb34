"""The documents say only what is so: their paths exist, their commands are understood."""

import ast
import re
import shlex
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/ARCHITECTURE.md",
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs/decisions").glob("*.md"))),
]
LAUNCHER_VERBS = {"test", "setup", "bundle"}
MADE_LATER = {".venv", ".setup"}  # by the first start


def _spans(document: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def _exists(span: str) -> bool:
    """Whether a path as the documents write it is there, from the root or anywhere in ``app``."""
    if (ROOT / span).exists() or span in MADE_LATER:
        return True
    return any(path.as_posix().endswith(f"/{span}") for path in (ROOT / "app").rglob("*.py"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_in_a_document_exists(document: str) -> None:
    ours = re.compile(
        r"(?:app|docs|tests|launcher|resources|training|bench|\.ci)/[\w./-]+|[\w/]+\.py"
    )
    named = [span for span in _spans(document) if ours.fullmatch(span)]
    assert [span for span in named if not _exists(span)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    folder = (ROOT / document).parent
    assert [link for link in links if not (folder / link).exists()] == []


def test_the_readme_shows_every_folder() -> None:
    rows = set(re.findall(r"^\| `([\w/]+)` \|", (ROOT / "README.md").read_text("utf-8"), re.M))
    folders = {
        path.parent.relative_to(ROOT).as_posix()
        for path in [*ROOT.glob("*/__init__.py"), *(ROOT / "app").glob("*/__init__.py")]
    }
    assert folders - {"app"} | {"resources", "docs"} == rows


def _readme_commands() -> list[list[str]]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    python3 launch\.py (\w.*)$", text, re.MULTILINE)
    commands = [shlex.split(line, comments=True) for line in lines]
    return [command for command in commands if command and command[0] not in LAUNCHER_VERBS]


@pytest.mark.parametrize("command", _readme_commands(), ids=lambda command: command[0])
def test_every_command_of_the_readme_is_understood(command: list[str]) -> None:
    named = list(takewhile(lambda word: not word.startswith("--"), command))
    done = subprocess.run(
        [sys.executable, "-m", "app", *named, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    options = [word for word in command if word.startswith("--")]
    assert [option for option in options if option not in done.stdout] == []


def test_the_readme_names_every_verb() -> None:
    verbs = {command[0] for command in _readme_commands()}
    on_files = {"inspect", "generate", "score", "bench", "chat", "models", "pack"}
    assert verbs == on_files | {"cards", "search", "download", "verify", "log", "state", "plan"} | {
        "batch",
        "compare",
        "serve",
    }


def test_every_icon_that_is_asked_for_exists() -> None:
    there = {path.stem for path in (ROOT / "resources" / "icons").glob("*.svg")}
    asked = set()
    for path in (ROOT / "app" / "ui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in {"icon", "pixmap", "icon_button"}:
                asked |= {a.value for a in node.args[:1] if isinstance(a, ast.Constant)}
    assert len(asked) > 5
    assert asked <= there


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""
