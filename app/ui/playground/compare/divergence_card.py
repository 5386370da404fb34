"""A card over the page: how two models differ on a text, as figures and token by token."""

import html
from bisect import bisect_right
from itertools import accumulate

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QTextEdit, QWidget

from app.messages.translate import tr
from app.store.comparisons.comparison_records import Divergence, Grid, TokenDifference
from app.ui.look.theme import Theme
from app.ui.state.comparison.comparison_words import kl_in_words, pair_in_words
from app.ui.state.playground.token_words import written_words
from app.ui.widgets.overlay import Overlay
from app.ui.widgets.parts import icon_button, label

_WIDTH = 640
_STEPS = ((1.0, "chance-6"), (0.3, "chance-5"), (0.1, "chance-4"), (0.03, "chance-3"))
"""From this KL on a token has this colour role of the theme."""


class DivergenceCard(Overlay):
    """``show_divergence`` fills it."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, _WIDTH)
        self._theme = theme
        self._shown: Divergence | None = None
        self._ends: list[int] = []
        self.title = label("", "section", wrap=True)
        self.figures = label("", wrap=True)
        self.legend = label(
            tr(
                "Coloured: their predictions differ, the more the stronger the colour. Underlined:"
                " they would not have written the same token. Go through the text with the arrow"
                " keys or a click."
            ),
            "small",
            wrap=True,
        )
        self.text = QTextEdit(readOnly=True)
        self.text.setAccessibleName(tr("The text, token by token"))
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setTabChangesFocus(True)
        self.token = label("", "small", wrap=True)
        self.token.setMinimumHeight(2 * theme.line_px("small"))
        self.text.cursorPositionChanged.connect(self._tell_token)
        theme.changed.connect(self._paint)
        self._arrange()

    def show_divergence(self, one: Divergence, grid: Grid) -> None:
        """Show it over the page."""
        self._shown = one
        first, second = (grid.ways[place.way] for place in (one.first, one.second))
        self.title.setText(pair_in_words(first, second))
        self.figures.setText(self._figures(one))
        self._ends = list(accumulate(_units(row.text) for row in one.tokens))
        self._paint()
        self.text.moveCursor(QTextCursor.MoveOperation.Start)
        self._tell_token()
        self.open()
        self.text.setFocus(Qt.FocusReason.PopupFocusReason)

    def _paint(self) -> None:
        """In the colours of the theme; the caret stays."""
        if self._shown is not None:
            place = self.text.textCursor().position()
            self.text.setHtml(self._html(self._shown))
            caret = self.text.textCursor()
            caret.setPosition(min(place, self.text.document().characterCount() - 1))
            self.text.setTextCursor(caret)

    def _figures(self, one: Divergence) -> str:
        told = one.figures
        at = next((at for at, row in enumerate(one.tokens) if not row.agree), None)
        lines = [
            tr("KL divergence: {mean} on average, {most} at most").format(
                mean=kl_in_words(told.mean_kl), most=kl_in_words(told.max_kl)
            ),
            tr("The same best token at {} % of {} places").format(
                f"{100 * told.top1_agreement:.1f}", told.tokens
            ),
            tr("They never differ in the best token")
            if at is None
            else tr("First token in which they differ: number {}").format(at + 1),
        ]
        if told.perplexity_a is not None and told.perplexity_b is not None:
            said = tr("Perplexity: {first} and {second}")
            values = (f"{value:.4g}" for value in (told.perplexity_a, told.perplexity_b))
            lines.append(said.format(**dict(zip(("first", "second"), values, strict=True))))
        return "\n".join(lines)

    def _html(self, one: Divergence) -> str:
        spans = (
            self._span(row, is_prompt=at < one.prompt_tokens) for at, row in enumerate(one.tokens)
        )
        return f'<p style="white-space:pre-wrap">{"".join(spans)}</p>'

    def _span(self, row: TokenDifference, *, is_prompt: bool) -> str:
        role = next((role for least, role in _STEPS if (row.kl or 0) >= least), "")
        style = f"background-color:{self._theme.color(role).name()};" if role else ""
        if is_prompt and not role:
            style += f"color:{self._theme.color('text-dim').name()};"
        if not row.agree:
            style += "text-decoration:underline;"
        words = html.escape(row.text).replace("\n", "<br>")
        return f'<span style="{style}">{words}</span>' if style else f"<span>{words}</span>"

    def _tell_token(self) -> None:
        one = self._shown
        if one is None or not one.tokens:
            return
        at = bisect_right(self._ends, self.text.textCursor().position())
        row = one.tokens[min(at, len(one.tokens) - 1)]
        self.token.setText(_token_in_words(row, min(at, len(one.tokens) - 1)))

    def _arrange(self) -> None:
        space = self._theme.space
        close = icon_button("close", tr("Close"), 16)
        close.clicked.connect(self.close_card)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.text.setMinimumHeight(160)
        self.body.setContentsMargins(space("xl"), space("l"), space("xl"), space("l"))
        self.body.setSpacing(space("s"))
        self.body.addLayout(head)
        self.body.addWidget(self.figures)
        self.body.addWidget(self.text, 1)
        self.body.addWidget(self.token)
        self.body.addWidget(self.legend)


def _token_in_words(row: TokenDifference, at: int) -> str:
    said = [tr("Token {number}: {text}").format(number=at + 1, text=_quoted(row.text))]
    if row.kl is None:
        said.append(tr("nothing is known before the first one"))
        return " · ".join(said)
    said.append(tr("KL {}").format(kl_in_words(row.kl)))
    if row.agree:
        said.append(tr("both would have written {}").format(_quoted(row.first_best)))
    else:
        said.append(
            tr("the first would have written {first}, the second {second}").format(
                first=_quoted(row.first_best), second=_quoted(row.second_best)
            )
        )
    return " · ".join(said)


def _quoted(text: str) -> str:
    return f"“{written_words(text)}”"


def _units(text: str) -> int:
    """Its length as Qt counts."""
    return len(text) + sum(letter > "\uffff" for letter in text)
