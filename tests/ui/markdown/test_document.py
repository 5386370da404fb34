"""Blocks as documents: what is bold, what leads out, what stays words."""

import pytest
from PySide6.QtGui import QTextCursor, QTextDocument, QTextTable

from app.ui.look.text_style import TextStyle
from app.ui.look.theme import Theme
from app.ui.markdown.blocks import blocks_of
from app.ui.markdown.document import QUOTE, document_of
from app.ui.markdown.highlight import language_name, runs, suffix


@pytest.fixture
def text_style(qapp) -> TextStyle:
    theme = Theme("light")
    theme.apply(qapp)
    return TextStyle(theme)


def documents(text: str, text_style: TextStyle) -> list[QTextDocument]:
    return [document_of(block, text_style) for block in blocks_of(text)]


def fragments(document: QTextDocument) -> list[tuple[str, object]]:
    found = []
    block = document.begin()
    while block.isValid():
        pieces = block.begin()
        while not pieces.atEnd():
            fragment = pieces.fragment()
            found.append((fragment.text(), fragment.charFormat()))
            pieces += 1
        block = block.next()
    return found


def format_of(document: QTextDocument, words: str):
    return next(form for text, form in fragments(document) if words in text)


def addresses(document: QTextDocument) -> list[str]:
    return [form.anchorHref() for _, form in fragments(document) if form.isAnchor()]


def test_emphasis_becomes_formats(text_style: TextStyle):
    (document,) = documents("a **b** *c* `d` ~~e~~", text_style)
    assert document.toPlainText() == "a b c d e"
    assert format_of(document, "b").fontWeight() > format_of(document, "a").fontWeight()
    assert format_of(document, "c").fontItalic()
    assert format_of(document, "d").fontFamilies() == text_style.mono.families()
    assert format_of(document, "e").fontStrikeOut()


def test_only_web_addresses_lead_out(text_style: TextStyle):
    text = (
        "[a](https://a.b) [b](javascript:alert(1)) [c](file:///etc/passwd) "
        "[d](data:text/html,x) https://bare.example/x?y=1. <http://auto.example>"
    )
    (document,) = documents(text, text_style)
    assert addresses(document) == [
        "https://a.b",
        "https://bare.example/x?y=1",
        "http://auto.example",
    ]


def test_a_picture_is_a_link_and_nothing_is_fetched(text_style: TextStyle):
    (document,) = documents(
        "![a cat](http://x.y/cat.png) ![b](ftp://x.y/b.png) ![](file:///c.png)", text_style
    )
    assert document.toPlainText() == "a cat b ![](file:///c.png)"
    assert addresses(document) == ["http://x.y/cat.png"]


def test_raw_html_is_shown_as_text(text_style: TextStyle):
    text = "<b>bold</b> <img src=x onerror=alert(1)> &lt;"
    (document,) = documents(text, text_style)
    assert document.toPlainText() == "<b>bold</b> <img src=x onerror=alert(1)> <"


def test_items_have_their_markers_also_when_copied(text_style: TextStyle):
    text = "3. three\n4. four\n\n- a\n  - b\n    1. c\n    2. d\n"
    plain = [document.toPlainText() for document in documents(text, text_style)]
    assert plain == ["3.\tthree", "4.\tfour", "•\ta\n◦\tb\n1.\tc\n2.\td"]


def test_line_breaks_of_the_model_are_kept(text_style: TextStyle):
    (document,) = documents("roses\nare red", text_style)
    assert document.toPlainText() == "roses\nare red"


def test_a_table_has_its_cells_and_alignment(text_style: TextStyle):
    (document,) = documents("| a | b |\n|---|--:|\n| **1** | 2 |\n| 3 |\n", text_style)
    cursor = QTextCursor(document)
    cursor.movePosition(QTextCursor.MoveOperation.NextCharacter)
    table = cursor.currentTable()
    assert isinstance(table, QTextTable)
    assert (table.rows(), table.columns()) == (3, 2)
    cell = table.cellAt(1, 0).firstCursorPosition().block().text()
    assert cell == "1"


def test_a_quote_is_marked_for_its_bar(text_style: TextStyle):
    (document,) = documents("> one\n>\n> > two", text_style)
    depths = []
    block = document.begin()
    while block.isValid():
        depths.append(block.blockFormat().intProperty(QUOTE))
        block = block.next()
    assert depths == [1, 2]


def test_a_link_defined_earlier_is_known(text_style: TextStyle):
    first, *_, last = documents("[x]: http://x.y\n\nSee [it][x].\n\nAnd [x].", text_style)
    assert addresses(last) == ["http://x.y"]
    assert addresses(first) == ["http://x.y"]


def test_code_is_in_colours_and_complete():
    source = 'def f(x):\n    """Say."""\n    return x + 1  # more\n'
    found = list(runs(source, "python"))
    assert "".join(text for text, _ in found) == source
    assert {"code-keyword", "code-string", "code-number", "code-comment"} <= {
        role for _, role in found
    }
    assert list(runs("x y", "no such language")) == [("x y", "text")]
    assert list(runs("", "python")) == []


def test_languages_have_names_and_endings():
    assert (language_name("py"), suffix("py")) == ("Python", ".py")
    assert (language_name("whatever"), suffix("")) == ("whatever", ".txt")


@pytest.mark.parametrize("text", ["```\n\n```", "|a|\n|-|", "- \n- x", "> ", "#", "1. ", "****"])
def test_scraps_make_documents(text_style: TextStyle, text: str):
    for document in documents(text, text_style):
        document.setTextWidth(300)
