"""Words have room in whatever type: rows, cards and painted lines grow with the letters."""

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QTextLayout
from PySide6.QtWidgets import QStyleOptionViewItem

from app.store.records import Conversation, Found
from app.ui.chat.conversations.conversation_delegate import ConversationDelegate
from app.ui.chat.conversations.conversation_list_model import ConversationListModel
from app.ui.look.theme import Theme
from app.ui.state.appearance import choose_scale
from app.ui.state.commands import Command
from app.ui.state.models.fit_words import all_words
from app.ui.widgets.painted_line import paint_line
from tests.ui.conftest import settled, shown, until
from tests.ui.squeezed import squeezed

pytestmark = pytest.mark.geometry
SCALES = (1.0, 1.6)


def line_px(words, font):
    """How high Qt lays these words out, letters from other fonts and all."""
    layout = QTextLayout(words, font)
    layout.beginLayout()
    line = layout.createLine()
    layout.endLayout()
    return line.height()


@pytest.mark.parametrize("words", ["gjpqÅ", "漢字", "🐦 words", "two\nlines"])
def test_a_painted_line_is_not_cut_where_its_box_is_lower(qapp, words):
    theme = Theme("light", 1.6)
    assert inked(theme, words, 4) == inked(theme, words, 200) > 0


def inked(theme, words, high):
    """How many pixels the words take in a box so high."""
    image = QImage(400, 240, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    painter.setFont(theme.font())
    paint_line(painter, QRect(10, 120 - high // 2, 380, high), words)
    painter.end()
    return sum(
        image.pixelColor(x, y) != QColor("white")
        for x in range(image.width())
        for y in range(image.height())
    )


@pytest.mark.parametrize("scale", [0.85, *SCALES])
def test_a_row_of_conversations_holds_its_lines(qapp, scale):
    theme = Theme("light", scale)
    model = ConversationListModel(lambda _ident: False)
    model.show_all([Conversation(id="1", title="漢字 🐦")])
    delegate, option = ConversationDelegate(theme), QStyleOptionViewItem()
    heights = [
        delegate.sizeHint(option, model.index(row)).height() for row in range(model.rowCount())
    ]
    assert heights[0] >= line_px("Today 漢字 🐦", theme.font("small"))
    assert heights[1] >= line_px("漢字 🐦", theme.font())
    model.show_found([Found(conversation=Conversation(id="1", title="A"), excerpt="漢字 🐦")])
    body, small = (line_px("漢字 🐦", theme.font(kind)) for kind in ("body", "small"))
    assert delegate.sizeHint(option, model.index(0)).height() >= body + small - 2


@pytest.mark.parametrize("scale", SCALES)
async def test_the_palette_shows_whole_rows_only(application, scale):
    await shown(application)
    choose_scale(application.services, scale)
    application.window.resize(900, 520)
    palette = application.window.palette_card
    palette.offer([Command(f"漢字 🐦 {number}", int, "Ctrl+K", "chat") for number in range(20)])
    await settled()
    rows = palette._list
    row = rows.visualRect(palette._found.index(0, 0))
    assert row.height() >= line_px("漢字 🐦", application.services.theme.font())
    assert rows.height() // row.height() == pytest.approx(rows.height() / row.height(), abs=0.1)
    assert palette.card.rect().contains(rows.geometry())
    assert palette.card.geometry().bottom() < application.window.height()


@pytest.mark.parametrize("scale", SCALES)
async def test_the_columns_and_the_button_of_a_model_hold_their_words(application, scale):
    from app.ui.models.row_painter import _FIT_PX, RowPainter

    await shown(application)
    theme = application.services.theme
    theme.resize(scale)
    delegate = application.window.go("models").listing.delegate
    option = QStyleOptionViewItem()
    option.rect = QRect(0, 0, 900, delegate.sizeHint(option, None).height())
    image = QImage(10, 10, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    column = RowPainter(painter, theme, option)._column(_FIT_PX)
    painter.end()
    assert max(map(QFontMetrics(theme.font("small")).horizontalAdvance, all_words())) <= column
    box = delegate.button_box(option.rect)
    for word in ("Download", "Try again"):
        assert QFontMetrics(theme.font()).horizontalAdvance(word) < box.width()
    assert box.height() >= line_px("Download", theme.font())
    lines = [line_px("漢字 🐦", theme.font(kind)) for kind in ("body", "small")]
    assert option.rect.height() >= sum(lines)


@pytest.mark.parametrize("scale", SCALES)
async def test_no_word_of_a_page_is_cut_off(application, scale):
    choose_scale(application.services, scale)
    application.window.resize(1400, 800)
    await shown(application)
    await until(lambda: application.library.scanned)
    await until(lambda: application.services.session.loaded is not None)
    cramped = {}
    for key in ("playground", "models", "states", "downloads", "status", "settings"):
        application.window.go(key)
        await settled(20)
        cramped[key] = squeezed(application.window)
    playground = application.window.go("playground")
    for part in playground.tabs.parts:
        playground.tabs.show_next()
        await settled(20)
        cramped[part] = squeezed(application.window)
    assert not any(cramped.values()), cramped
