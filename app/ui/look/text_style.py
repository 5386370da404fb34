"""The text formats of the transcript, from the theme; knows no Markdown."""

from PySide6.QtGui import QColor, QFont, QFontMetricsF, QTextBlockFormat, QTextCharFormat

from app.ui.look.theme import Theme

_LINE = 1.5
_CODE_LINE = 1.45
_HEADINGS = (1.45, 1.25, 1.1, 1.0, 1.0, 1.0)


class TextStyle:
    """Fonts, colours and distances of one theme; made anew when the theme changes."""

    def __init__(self, theme: Theme, *, dim: bool = False) -> None:
        self._theme = theme
        self.font = theme.font("body")
        self.mono = theme.font("mono")
        self.words = QTextCharFormat()
        self.words.setFont(self.font)
        self.words.setForeground(theme.color("text-dim" if dim else "text"))

    def color(self, role: str) -> QColor:
        """A colour of the theme."""
        return self._theme.color(role)

    def heading(self, level: int) -> QTextCharFormat:
        """The words of a heading; ``level`` is 1 to 6."""
        made = QTextCharFormat(self.words)
        font = QFont(self.font)
        font.setPointSizeF(self.font.pointSizeF() * _HEADINGS[level - 1])
        font.setWeight(QFont.Weight.Bold)
        made.setFont(font)
        return made

    def code_words(self) -> QTextCharFormat:
        """A few words of code within a sentence."""
        made = QTextCharFormat(self.words)
        made.setFont(self.mono)
        made.setBackground(self.color("hover"))
        return made

    def code(self, role: str) -> QTextCharFormat:
        """Words of a block of code; ``role`` is a colour such as "code-keyword"."""
        made = QTextCharFormat()
        made.setFont(self.mono)
        made.setForeground(self.color(role))
        if role == "code-comment":
            made.setFontItalic(True)
        return made

    def link(self, onto: QTextCharFormat, address: str) -> QTextCharFormat:
        """The format of a link's words."""
        made = QTextCharFormat(onto)
        made.setAnchor(True)
        made.setAnchorHref(address)
        made.setForeground(self.color("accent"))
        made.setFontUnderline(True)
        return made

    def lines(self, *, code: bool = False) -> QTextBlockFormat:
        """The distance between lines."""
        font = self.mono if code else self.font
        wanted = (_CODE_LINE if code else _LINE) * _pixels(font)
        made = QTextBlockFormat()
        made.setLineHeight(
            max(100.0, 100.0 * wanted / QFontMetricsF(font).lineSpacing()),  # never into each other
            QTextBlockFormat.LineHeightTypes.ProportionalHeight.value,
        )
        return made

    def hang(self, marker: str) -> float:
        """How far the words of a list stand to the right of where its markers begin."""
        return QFontMetricsF(self.font).horizontalAdvance(marker) + 12.0

    @property
    def line_px(self) -> float:
        """The height of one line of a paragraph."""
        return max(_LINE * _pixels(self.font), QFontMetricsF(self.font).lineSpacing())

    @property
    def code_line_px(self) -> float:
        """The height of one line of a block of code."""
        return max(_CODE_LINE * _pixels(self.mono), QFontMetricsF(self.mono).lineSpacing())

    @property
    def character_px(self) -> float:
        """How wide a letter is on the average."""
        return QFontMetricsF(self.font).averageCharWidth()


def _pixels(font: QFont) -> float:
    """The font's size in device-independent pixels."""
    metrics = QFontMetricsF(font)
    size = font.pixelSize()
    return float(size) if size > 0 else metrics.fontDpi() * font.pointSizeF() / 72.0
