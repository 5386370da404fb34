"""One gettext function serves window and command line: catalogues, plurals, and what is marked."""

import ast
import gettext
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

import app
from app.errors import DamagedCheckpoint, OutOfMemory
from app.messages import translate
from app.messages.failures import say
from app.messages.translate import tr, tr_n, use_catalogue, use_languages
from app.messages.units import duration, size

ROOT = Path(app.__file__).parent
MARKS = ("tr", "tr_n", "tr_noop")
AT_ONCE = ("tr", "tr_n")


def compiled(entries: dict[str, str]) -> bytes:
    """A catalogue as msgfmt writes it."""
    pairs = sorted((key.encode(), value.encode()) for key, value in entries.items())
    begin = 28 + 16 * len(pairs)
    tables, body = [b"", b""], b""
    for column in (0, 1):
        for pair in pairs:
            tables[column] += struct.pack("<II", len(pair[column]), begin + len(body))
            body += pair[column] + b"\0"
    head = (0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return struct.pack("<7I", *head) + tables[0] + tables[1] + body


HEADER = (
    "Content-Type: text/plain; charset=UTF-8\n"
    "Plural-Forms: nplurals=3; plural=n==1 ? 0 : n<5 ? 1 : 2;\n"
)
ENTRIES = {
    "": HEADER,
    "The model file is damaged": "Soubor modelu je poškozen",
    "{path@the file} is damaged or incomplete{why+: }{missing+, }.": (
        "{path@soubor}: vadný{why+: }."
    ),
    "its header is damaged": "hlavička je vadná",
    "Not enough memory": "Málo paměti",
    "{} GB": "{} GiB?",
    "{} day\0{} days": "{} den\0{} dny\0{} dní",
}


@pytest.fixture
def czech() -> Iterator[None]:
    before = use_catalogue(gettext.GNUTranslations(io.BytesIO(compiled(ENTRIES))))
    yield
    use_catalogue(before)


@pytest.mark.usefixtures("czech")
def test_a_failure_its_reason_and_amounts_are_told_in_the_language_that_is_used():
    words = say(DamagedCheckpoint(path="/a/m.pth", why="header-damaged"))
    assert words.title == "Soubor modelu je poškozen"
    assert words.text == 'Soubor "m.pth": vadný: hlavička je vadná.'
    assert say(OutOfMemory()).title == "Málo paměti"
    assert size(2e9) == "2.0 GiB?"


@pytest.mark.usefixtures("czech")
def test_plurals_follow_the_rule_of_the_language():
    days = [duration(count * 86400.0) for count in (2, 4, 5)]
    assert days == ["2 dny", "4 dny", "5 dní"]
    assert tr_n("{} day", "{} days", 1) == "{} den"
    assert tr_n("{} row", "{} rows", 2) == "{} rows"


@pytest.mark.usefixtures("czech")
def test_nothing_is_not_translated_to_the_head_of_the_catalogue():
    assert tr("") == ""


def test_the_catalogue_of_the_first_language_that_has_one_is_used(tmp_path, monkeypatch):
    folder = tmp_path / "cs" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "rookery.mo").write_bytes(compiled(ENTRIES))
    monkeypatch.setattr(translate, "resource", lambda *parts: tmp_path)
    before = use_catalogue(gettext.NullTranslations())
    try:
        for languages, said in ((["xx", "cs_CZ"], "Málo paměti"), (["xx"], "Not enough memory")):
            use_languages(languages)
            assert tr("Not enough memory") == said
        monkeypatch.setenv("LANGUAGE", "cs")
        use_languages()
        assert tr("Not enough memory") == "Málo paměti"
    finally:
        use_catalogue(before)


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT.parent).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MARKS:
                yield f"{place}:{node.lineno}", node


def test_what_is_marked_is_a_literal_that_can_be_extracted():
    for place, call in calls():
        name = getattr(call.func, "id", "")
        texts = call.args[: 2 if name == "tr_n" else 1]
        if name == "tr" and not isinstance(texts[0], ast.Constant | ast.JoinedStr):
            continue  # one of a table, whose texts are marked there
        for text in texts:
            assert isinstance(text, ast.Constant), place
            assert isinstance(text.value, str), place
            assert text.value.strip(), place


def test_the_window_asks_the_one_function_and_never_qt():
    asks_qt = set()
    for path in sorted((ROOT / "ui").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            asked = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            if asked.endswith((".tr", "Application.translate")):
                asks_qt.add(path.relative_to(ROOT.parent).as_posix())
    assert asks_qt == set()


def test_no_text_is_translated_inside_an_f_string_where_extraction_does_not_look():
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for inner in ast.walk(node) if isinstance(node, ast.JoinedStr) else ():
                if isinstance(inner, ast.Call) and getattr(inner.func, "id", "") in MARKS:
                    literal = isinstance(inner.args[0], ast.Constant)
                    assert not literal, f"{path.relative_to(ROOT)}:{inner.lineno}"


def test_nothing_is_translated_before_a_language_is_chosen():
    """What runs while a module is imported is too early: texts there are marked with tr_noop."""

    def at_import(node: ast.AST) -> Iterator[ast.Call]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(child, ast.Call) and getattr(child.func, "id", "") in AT_ONCE:
                yield child
            yield from at_import(child)

    for path in sorted(ROOT.rglob("*.py")):
        for call in at_import(ast.parse(path.read_text(encoding="utf-8"))):
            raise AssertionError(f"{path.relative_to(ROOT)}:{call.lineno}")


def test_babel_finds_every_text_that_is_marked():
    extract = pytest.importorskip("babel.messages.extract")
    keywords = {"tr": None, "tr_noop": None, "tr_n": (1, 2)}
    found = set()
    for _, _, message, _, _ in extract.extract_from_dir(
        str(ROOT), [("**.py", "python")], keywords=keywords
    ):
        found |= {message} if isinstance(message, str) else set(message)
    ours = {
        text.value
        for _, call in calls()
        for text in call.args[:2]
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    }
    assert len(ours) > 500
    assert ours <= found
