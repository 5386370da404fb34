"""Tables of very many cells, and code in its colours: what is read, and what is painted."""

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from app.ui.look.text_style import TextStyle
from app.ui.look.theme import Theme
from app.ui.markdown import tables
from app.ui.markdown.blocks import Block, BlockStream, blocks_of
from app.ui.markdown.colouring import close_shared, shared_colouring
from app.ui.markdown.highlight_process import lines_of
from app.ui.transcript import long_table
from app.ui.transcript.code_block import CodeBlock
from app.ui.transcript.long_table import HIGHEST, LongTable
from app.ui.transcript.rows import BlockRow
from app.ui.transcript.wide_text import WideText
from tests.ui.conftest import until


@pytest.fixture
def text_style(qapp):
    theme = Theme("light")
    theme.apply(qapp)
    yield TextStyle(theme)
    close_shared()


def table(rows, columns):
    head = "|" + "|".join(f" head {column} " for column in range(columns)) + "|\n"
    body = "".join(
        "|" + "|".join(f" **{row}** {column} " for column in range(columns)) + "|\n"
        for row in range(rows)
    )
    return head + "|--:" * columns + "|\n" + body


@pytest.fixture
def read(monkeypatch):
    """How many cells were taken apart."""
    counted = []

    def counting(content, references, words_of=long_table.words_of):
        counted.append(content)
        return words_of(content, references)

    monkeypatch.setattr(long_table, "words_of", counting)
    return counted


def shown(source, text_style):
    (block,) = blocks_of(source)
    view = BlockRow(block, text_style, None, first=True).make()
    view.resize(600, view.heightForWidth(600))
    view.show()
    view.repaint()
    return view


@pytest.mark.parametrize(("rows", "columns"), [(5000, 10), (50_000, 1), (10, 5000), (500, 100)])
def test_of_fifty_thousand_cells_only_those_in_sight_are_read(text_style, read, rows, columns):
    view = shown(table(rows, columns), text_style)
    assert isinstance(view, LongTable)
    assert (view.model().rowCount(), view.model().columnCount()) == (rows, columns)
    assert view.height() <= HIGHEST
    assert len(read) <= 70 * columns
    read.clear()
    view.scrollToBottom()
    view.repaint()
    assert len(read) <= 40 * columns
    last = view.model().index(rows - 1, columns - 1)
    assert last.data() == f"{rows - 1} {columns - 1}"
    assert last.data(Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight


def test_a_table_that_grows_is_read_once(text_style, read, monkeypatch):
    source, stream, row, views = table(400, 10), BlockStream(), None, []
    laid_out = []
    write = tables.write_table
    monkeypatch.setattr(
        "app.ui.markdown.document.write_table", lambda *given: laid_out.append(write(*given))
    )
    split = []
    cells = tables.cells_of
    monkeypatch.setattr(tables, "cells_of", lambda line: split.append(line) or cells(line))
    for end in range(40, len(source), 40):
        stream.grow(source[:end])
        block = stream.blocks[-1]
        if row is not None and row.accepts(block):
            row.take(block, views[-1])
        elif block.kind == "table":
            row = BlockRow(block, text_style, None, first=True)
            views.append(row.make())
            views[-1].resize(600, 400)
            views[-1].show()
    assert [type(view) for view in views] == [WideText, LongTable]
    assert views[-1].model().rowCount() == 400
    steps = len(source) // 40
    assert len(laid_out) < 20, "a table of many cells is laid out again and again"
    assert len(split) < 70 * steps, "rows that are there are taken apart again and again"
    assert views[-1].model().index(399, 0).data() == "399 0"


def test_a_choice_of_cells_is_copied_and_all_of_it_from_outside(text_style):
    view = shown(table(100, 3), text_style)
    index = view.model().index
    select = QItemSelectionModel.SelectionFlag.Select
    for row in (98, 99):
        for column in (1, 2):
            view.selectionModel().select(index(row, column), select)
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "98 1\t98 2\n99 1\t99 2"
    (block,) = blocks_of(table(100, 3))
    copied = BlockRow(block, text_style, None, first=True).document().toPlainText().split("\n")
    assert copied[0] == "head 0\thead 1\thead 2"
    assert copied[-1] == "99 0\t99 1\t99 2"


def test_a_link_in_a_cell_is_shown_before_it_is_followed(text_style):
    text = table(100, 2).replace("**7** 1", "[here](https://a.example/<b>)").replace("<b>", "x")
    view = shown(text, text_style)
    index = view.model().index(7, 1)
    assert index.data() == "here"
    assert "https://a.example/x" in index.data(Qt.ItemDataRole.ToolTipRole)
    view.setCurrentIndex(index)
    QTest.keyClick(view, Qt.Key.Key_Return)
    (menu,) = view.findChildren(QMenu)
    assert menu.actions()[0].text() == "Leads to a.example"
    menu.close()


def test_the_wheel_scrolls_the_page_unless_the_table_has_the_keyboard(text_style):
    view = shown(table(500, 3), text_style)
    none, down = Qt.KeyboardModifier.NoModifier, QPoint(0, -120)
    at = QPointF(50, 50)
    wheel = QWheelEvent(
        *(at, at, QPoint(), down, Qt.MouseButton.NoButton, none),
        *(Qt.ScrollPhase.NoScrollPhase, False),
    )
    view.wheelEvent(wheel)
    assert not wheel.isAccepted()
    assert view.verticalScrollBar().value() == 0


async def test_code_is_plain_at_once_and_coloured_when_it_is_known(text_style):
    source = "def f():\n    return 1\n"
    code = CodeBlock(Block("code", source, (), "python"), text_style)
    code.resize(600, 300)
    code.show()
    assert code.text.document.toPlainText() == source.removesuffix("\n")
    assert code._colours.selections(0, 300) == []
    await until(lambda: code._colours.selections(0, 300))
    assert {one.format.foreground().color().name() for one in code._colours.selections(0, 300)} >= {
        text_style.color("code-keyword").name(),
        text_style.color("code-number").name(),
    }
    kept = code._colours.selections(0, 300)
    code.show_block(Block("code", source + "# and more", (), "python"))
    assert len(code._colours.selections(0, 300)) >= len(kept), "colours that were there flicker"
    await until(lambda: len(code._colours.selections(0, 300)) > len(kept))
    known = shared_colouring().known("python", (source + "# and more"))
    assert known == lines_of(source + "# and more", "python")


async def test_nothing_is_coloured_after_its_widget_is_gone(text_style):
    first = CodeBlock(Block("code", "x = 1", (), "python"), text_style)
    second = CodeBlock(Block("code", "y = 2", (), "python"), text_style)
    third = CodeBlock(Block("code", "z = 3", (), "python"), text_style)
    jobs = [*first._colours._jobs, *second._colours._jobs]
    second.deleteLater()
    await until(lambda: jobs[1].cancelled)
    await until(lambda: third._colours.selections(0, 100))
    assert shared_colouring().known("python", "y = 2") is None


async def test_a_line_of_very_many_colours_is_painted_in_part(text_style):
    code = CodeBlock(Block("code", "x=1;" * 4000, (), "python"), text_style)
    await until(lambda: code._colours._lines)
    assert len(code._colours.selections(0, 100)) <= 120
