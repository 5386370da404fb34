"""Blocks as documents: what is bold, what leads out, what stays words."""

import html
import re
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QTextCursor, QTextDocument, QTextTable

from app.ui.look.text_style import TextStyle
from app.ui.look.theme import Theme
from app.ui.markdown import words
from app.ui.markdown.blocks import BlockStream, blocks_of
from app.ui.markdown.document import QUOTE, document_of
from app.ui.markdown.highlight import language_name, runs, suffix

MARKS = (
    *("a ", "words ", "\n", "\n\n", "- ", "1. ", "> ", "# ", "    ", "**", "*", "_", "`", "```\n"),
    *("[b](http://x.y/c)", "[d](e/f)", "![g](http://x.y/h 'i')", "[j]: http://k.l/m\n", "[j]"),
    *("[^n]", "[^n]: o\n", "| p | q |\n|---|---|\n| r | s | t |\n", "$u_v$", "$$\n", "\\(w\\)"),
    *("\\[", "\\]", "\\begin{y}", "\\end{y}", "- [ ] ", "- [x] ", "<b>", "~~z~~", "<http://z.z>"),
)
_KEPT_APART = re.compile(r"\[[xX]\]|(?<=\]\()http://[^\s)]*")
_FENCE_WORDS = re.compile(r"(?:`{3,}|~{3,}).*")


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
    assert document.toPlainText() == "a cat ![b](ftp://x.y/b.png) ![](file:///c.png)"
    assert addresses(document) == ["http://x.y/cat.png"]


@pytest.mark.parametrize(
    "formula",
    [
        r"$e^{i\pi}_*a*_ + 1 < 0 & b$",
        r"$$x_1*y* \\ z$$",
        r"\(a_1 * b_2 * c\)",
        r"\[ a \\ b & <c> [d](e) \]",
        r"\begin{matrix} a_1 & *b* \\ c \end{matrix}",
    ],
)
def test_a_formula_is_shown_as_it_was_written(text_style: TextStyle, formula: str):
    for text in (f"so *it* is {formula}, see", f"- {formula}", f"# {formula}"):
        (document,) = documents(text, text_style)
        assert formula in document.toPlainText()
    within = format_of(documents(f"so {formula} it is", text_style)[0], formula[-3:])
    assert within.fontFamilies() == text_style.mono.families()


@pytest.mark.parametrize(
    "formula",
    [
        "$$\na_1 * b_2 \\\\\n- c & d\n> e\n# f\n$$",
        "\\[\n\\frac{a}{b}\n=\n1. c\n\\]",
        "\\begin{align}\n  a &= b \\\\\n| c | d |\n|---|---|\n\\end{align}",
        "\\begin{x}\n\\begin{x}*a*\\end{x}\n- b\n\\end{x}",
    ],
)
@pytest.mark.parametrize("around", ["{}", "Words\n{}\n\nmore", "- item\n\n{}\n"])
def test_a_formula_of_several_lines_is_kept_line_by_line(text_style, formula: str, around: str):
    text = around.format(formula)
    assert formula in "\n".join(one.toPlainText() for one in documents(text, text_style))
    stream = BlockStream()
    for end in range(len(text)):
        stream.grow(text[:end])
    stream.grow(text, final=True)
    assert [block.source for block in stream.blocks] == [block.source for block in blocks_of(text)]


def test_two_prices_and_a_variable_of_the_shell_are_words(text_style: TextStyle):
    text = "It costs $5 or *about* $10, in $HOME and $USER, \\$3."
    (document,) = documents(text, text_style)
    assert document.toPlainText() == "It costs $5 or about $10, in $HOME and $USER, $3."
    assert format_of(document, "about").fontItalic()


def test_tasks_have_boxes_in_the_place_of_bullets(text_style: TextStyle):
    text = "- [ ] open *now*\n- [x] done\n  - [X] inner\n- [y] none\n\n1. [ ] first\n"
    plain = [document.toPlainText() for document in documents(text, text_style)]
    assert plain == ["☐\topen now", "☑\tdone\n☑\tinner", "•\t[y] none", "1. ☐\tfirst"]


def test_notes_definitions_and_titles_are_shown(text_style: TextStyle):
    text = 'A[^1] [b](http://x.y "Why").\n\n[^1]: word\n\n[c]: http://x.y/z "Title"\n\n[d]: no'
    plain = [document.toPlainText() for document in documents(text, text_style)]
    assert plain == ["A[^1] b (Why).", "[^1]: word", '[c]: http://x.y/z "Title"', "[d]: no"]


def test_a_definition_that_grows_is_known_whole(text_style: TextStyle):
    text = "[x]: http://x.y/long\n\nSee [x].\n\nMore"
    stream = BlockStream()
    for end in range(len(text)):
        stream.grow(text[:end])
    assert addresses(document_of(stream.blocks[1], text_style)) == ["http://x.y/long"]


def test_cells_beyond_the_last_column_and_tables_in_lists_are_shown(text_style: TextStyle):
    (wide,) = documents("| a | b |\n|---|---|\n| 1 | 2 | three |\n| x \\| y |", text_style)
    assert {"three", "x | y"} <= set(wide.toPlainText().split("\n"))
    (inner,) = documents("- item\n\n  | a | b |\n  |---|---|\n  | 1 | 2 | 3 |\n", text_style)
    assert "| 1 | 2 | 3 |" in inner.toPlainText()


pieces = st.one_of(
    st.lists(st.sampled_from(MARKS), min_size=1, max_size=20).map("".join),
    st.text("ab1 \n*_`[]()!<>#|-\\$&~:.^\t", max_size=60),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(text=pieces)
@example("|a|b|\n|-|-|\n|1|2|lost|")
@example("[^1]: lost")
@example("[a]: lost 'title'")
@example("![a](b/lost)")
@example("$a_b$ \\(c\\) $$\nd\n\ne")
@example("- [ ] a\n\n      b\n\n  |c|\n  |-|\n  |d|e|")
def test_every_letter_is_in_what_is_copied(text):
    """But for those of marks: entities, the x of a task, a language, where a link leads."""
    theme = Theme("light")
    text_style = TextStyle(theme)
    shown = ""
    for block in blocks_of(text):
        document = document_of(block, text_style)
        shown += document.toPlainText() + block.language
    plain = _FENCE_WORDS.sub("", html.unescape(_KEPT_APART.sub("", text)))
    missing = Counter(c for c in plain if c.isalpha()) - Counter(c for c in shown if c.isalpha())
    assert not missing, (text, shown)


@pytest.mark.parametrize("part", ["[", "[a](b", "![[", "[a][b]", "](x)["])
def test_hostile_brackets_are_shown_and_never_looked_for(text_style, monkeypatch, part: str):
    asked = []
    monkeypatch.setattr(words._words, "parseInline", lambda *given: asked.append(given))
    text = part * 3000
    shown = "".join(document.toPlainText() for document in documents(text, text_style))
    assert shown == text
    assert asked == []


@pytest.mark.parametrize(
    "text",
    [
        *(">" * 10_000 + " a", "> " * 3000 + "a\n" * 3, "- " * 5000 + "a", "\\" * 50_000),
        *("*a **a " * 6000, "$a " * 20_000, "$$\n" * 5001, "\\begin{a}\n" * 5000, "a\n" * 20_000),
        *("[a]: http://x.y/z 'b\n" * 3000, "|" * 20_000 + "\n" + "|-" * 20_000, "word " * 200_000),
    ],
)
def test_hostile_markdown_is_cut_into_blocks_of_bounded_length(text_style, text: str):
    blocks = blocks_of(text)
    assert sum(len(block.source) for block in blocks) >= len(text.rstrip()) - 2
    loose = [block for block in blocks if len(block.source) > 16_000]
    assert len(loose) <= 1, "what cannot be cut is one line or one formula"
    for block in blocks[:2]:
        document_of(block, text_style)


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
