"""The look, from one token file: colours, type, palette and style sheet; knows no page."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetricsF, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from app.resources import resource

from . import icons

MODES = ("system", "light", "dark")
_PALETTE = {
    QPalette.ColorRole.Window: "surface",
    QPalette.ColorRole.Base: "surface",
    QPalette.ColorRole.AlternateBase: "raised",
    QPalette.ColorRole.Button: "raised",
    QPalette.ColorRole.ToolTipBase: "raised",
    QPalette.ColorRole.WindowText: "text",
    QPalette.ColorRole.Text: "text",
    QPalette.ColorRole.ButtonText: "text",
    QPalette.ColorRole.ToolTipText: "text",
    QPalette.ColorRole.BrightText: "bad",
    QPalette.ColorRole.PlaceholderText: "text-dim",
    QPalette.ColorRole.Highlight: "selection",
    QPalette.ColorRole.HighlightedText: "text",
    QPalette.ColorRole.Link: "accent",
    QPalette.ColorRole.LinkVisited: "accent",
    QPalette.ColorRole.Accent: "accent",
    QPalette.ColorRole.Mid: "line",
    QPalette.ColorRole.Midlight: "line",
    QPalette.ColorRole.Dark: "edge",
    QPalette.ColorRole.Light: "raised",
    QPalette.ColorRole.Shadow: "line",
}
_GENERIC = ("Sans Serif", "Sans", "sans-serif", "")
_GOOD = ("Inter", "Adwaita Sans", "Cantarell", "Ubuntu", "Noto Sans")
_DISABLED = (
    QPalette.ColorRole.WindowText,
    QPalette.ColorRole.Text,
    QPalette.ColorRole.ButtonText,
)


class Theme(QObject):
    """Light or dark, and how large the words are; ``changed`` after every switch.

    ``mode`` is "system", "light" or "dark"; ``scale`` multiplies every type size.
    """

    changed = Signal()

    def __init__(self, mode: str = "system", scale: float = 1.0, parent: QObject | None = None):
        super().__init__(parent)
        tokens = json.loads(resource("theme", "tokens.json").read_text("utf-8"))
        self._template = resource("theme", "style.qss").read_text("utf-8")
        self._tokens: Mapping[str, Any] = tokens
        self._app: QApplication | None = None
        self._fonts: dict[tuple[str, float], QFont] = {}
        self.mode = mode if mode in MODES else "system"
        self.scale = scale
        self.dark = self._wants_dark()

    def color(self, role: str) -> QColor:
        """The colour of a role in the present theme; an unknown role is a KeyError."""
        return QColor(self._tokens["colours"]["dark" if self.dark else "light"][role])

    def space(self, step: str) -> int:
        """A distance in pixels: xs 4, s 8, m 12, l 16, xl 24, xxl 32."""
        return int(self._tokens["space"][step])

    def radius(self, part: str) -> int:
        """A corner radius in pixels: control 6, card 10, bubble 14."""
        return int(self._tokens["radius"][part])

    @property
    def column(self) -> int:
        """The widest a column of text may be, in pixels."""
        return int(self._tokens["column"])

    def font(self, kind: str = "body") -> QFont:
        """The font of a kind of text: title, section, body, small or mono; figures are tabular."""
        points = self._points(kind)
        made = self._fonts.get((kind, points))
        if made is None:
            made = self._fonts[kind, points] = self._make_font(kind, points)
        return QFont(made)

    def _make_font(self, kind: str, points: float) -> QFont:
        """Takes most of a millisecond, as every family that may be there is looked for."""
        mono = kind == "mono"
        which = QFontDatabase.SystemFont.FixedFont if mono else QFontDatabase.SystemFont.GeneralFont
        font = QFontDatabase.systemFont(which)
        if font.family() in _GENERIC:  # no desktop chose one
            font.setFamilies([*filter(QFontDatabase.hasFamily, _GOOD), font.family()])
        font.setPointSizeF(points)
        if kind in ("title", "section"):
            font.setWeight(QFont.Weight.DemiBold)
        if not mono:
            font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def line_px(self, kind: str = "body") -> int:
        """How high a line of a kind of text is, in whole pixels.

        Letters that its font lacks come from other fonts and may be higher.
        """
        metrics = QFontMetricsF(self.font(kind))
        return math.ceil(max(metrics.height(), metrics.lineSpacing()))

    def apply(self, app: QApplication) -> None:
        """Dress ``app``, now and whenever the system or the person changes the theme."""
        first = self._app is None
        self._app = app
        icons.tint_with(self.color)
        if first:
            app.setStyle(QStyleFactory.create("Fusion"))
            app.styleHints().colorSchemeChanged.connect(self._follow_system)
            app.fontDatabaseChanged.connect(self._fonts.clear)
        self._dress()

    def choose(self, mode: str) -> None:
        """Follow the system, or stay light or dark."""
        self.mode = mode if mode in MODES else "system"
        self._dress()

    def resize(self, scale: float) -> None:
        """Make all words larger or smaller."""
        self.scale = scale
        self._dress()

    def _follow_system(self) -> None:
        if self.mode == "system":
            self._dress()

    def _dress(self) -> None:
        self.dark = self._wants_dark()
        self._fonts.clear()
        if self._app is not None:
            self._app.setFont(self.font())
            self._app.setPalette(self._palette())
            self._app.setStyleSheet(self._style_sheet())
        self.changed.emit()

    def _wants_dark(self) -> bool:
        if self.mode != "system":
            return self.mode == "dark"
        return QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark

    def _palette(self) -> QPalette:
        palette = QPalette()
        for role, name in _PALETTE.items():
            palette.setColor(role, self.color(name))
        for role in _DISABLED:
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.color("text-dim"))
        return palette

    def _style_sheet(self) -> str:
        """The template with ``@colour``, ``@type-…``, ``@space-…`` and ``@radius-…`` filled in."""
        words = dict(self._tokens["colours"]["dark" if self.dark else "light"])
        words |= {f"type-{kind}": f"{self._points(kind):.2f}pt" for kind in self._tokens["type"]}
        words |= {f"space-{step}": f"{size}px" for step, size in self._tokens["space"].items()}
        words |= {f"radius-{part}": f"{size}px" for part, size in self._tokens["radius"].items()}
        words["mono"] = f'"{self.font("mono").family()}"'
        words["marks"] = resource("theme", "dark" if self.dark else "light").as_posix()
        return re.sub(r"@([a-z][a-z-]*)", lambda found: words[found[1]], self._template)

    def _points(self, kind: str) -> float:
        """Token sizes are pixels at 96 dots an inch; Qt scales points by the screen's dots."""
        screen = QGuiApplication.primaryScreen()
        dots = screen.logicalDotsPerInch() if screen else 96.0
        return float(self._tokens["type"][kind]) * self.scale * 72.0 / dots
