"""The look: every colour readable, every size scaled, icons in the theme's colours."""

import itertools

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QTextEdit,
    QWidget,
)

from app.resources import resource
from app.ui.look import icons
from app.ui.look.theme import Theme


@pytest.fixture
def theme(qapp):
    made = Theme("light")
    made.apply(qapp)
    return made


def luminance(color: QColor) -> float:
    parts = (color.redF(), color.greenF(), color.blueF())
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: QColor, other: QColor) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


SURFACES = ("window", "surface", "raised", "hover", "accent-soft", "bubble")
TEXTS = ("text", "text-dim", "accent", "good", "warn", "bad")
ON_CODE = [
    f"code-{part}"
    for part in ["keyword", "string", "number", "comment", "function", "type", "operator", "error"]
]


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "surface", "least"),
    [
        *((text, surface, 4.5) for text, surface in itertools.product(TEXTS[:2], SURFACES)),
        *((text, surface, 4.5) for text, surface in itertools.product(TEXTS[2:], SURFACES[:3])),
        *((text, "code", 4.5) for text in ON_CODE),
        *(("edge", surface, 3.0) for surface in SURFACES[:3]),
        ("accent-text", "accent", 4.5),
        ("accent-text", "accent-hover", 4.5),
        ("text", "selection", 4.5),
    ],
)
def test_contrast_is_enough_to_read(theme, mode, text, surface, least):
    theme.choose(mode)
    assert contrast(theme.color(text), theme.color(surface)) >= least


def test_both_themes_have_the_same_roles(theme):
    light, dark = theme._tokens["colours"]["light"], theme._tokens["colours"]["dark"]
    assert set(light) == set(dark)


def test_a_change_reaches_palette_style_sheet_and_listeners(theme, qtbot):
    before = QApplication.instance().styleSheet()
    with qtbot.waitSignal(theme.changed):
        theme.choose("dark")
    assert QApplication.palette().window().color() == theme.color("surface")
    assert QApplication.instance().styleSheet() != before
    rules = QApplication.instance().styleSheet().partition("*/")[2]
    assert rules
    assert "@" not in rules


def test_an_unknown_mode_follows_the_system(theme):
    theme.choose("purple")
    assert theme.mode == "system"


def test_following_the_system_changes_with_it(theme, monkeypatch):
    theme.choose("system")
    wanted = not theme.dark
    monkeypatch.setattr(theme, "_wants_dark", lambda: wanted)
    QApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme.dark is wanted


@pytest.mark.parametrize("kind", ["title", "section", "body", "small", "mono"])
def test_every_kind_of_text_scales(theme, kind):
    usual = theme.font(kind).pointSizeF()
    theme.resize(1.6)
    assert theme.font(kind).pointSizeF() == pytest.approx(usual * 1.6)


def test_body_text_is_thirteen_and_a_half_pixels(theme):
    dots = QApplication.primaryScreen().logicalDotsPerInch()
    assert theme.font().pointSizeF() * dots / 72 == pytest.approx(13.5)


ICONS = sorted(file.stem for file in resource("icons").glob("*.svg"))


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_draws_in_the_colour_of_the_theme(theme, name):
    picture = icons.pixmap(name, "accent", 20, 2.0).toImage()
    assert (picture.width(), picture.height()) == (40, 40)
    drawn = [
        picture.pixelColor(x, y)
        for x in range(40)
        for y in range(40)
        if picture.pixelColor(x, y).alpha() == 255
    ]
    assert drawn
    accent = theme.color("accent")
    near = [c for c in drawn if abs(c.red() - accent.red()) + abs(c.blue() - accent.blue()) < 6]
    assert len(near) > len(drawn) * 0.8


def test_an_icon_follows_the_theme_by_itself(theme):
    icon = icons.icon("chat", "text")
    light = icon.pixmap(QSize(20, 20)).toImage()
    theme.choose("dark")
    assert icon.pixmap(QSize(20, 20)).toImage() != light


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_an_icon_is_sharp_at_any_pixel_ratio(theme, ratio):
    picture = icons.icon("chat", "text").pixmap(QSize(20, 20), ratio)
    assert picture.devicePixelRatio() == ratio
    assert picture.width() == 20 * ratio


def test_a_disabled_icon_is_dimmer(theme):
    icon = icons.icon("chat", "text")
    usual = icon.pixmap(QSize(20, 20), QIcon.Mode.Normal).toImage()
    assert icon.pixmap(QSize(20, 20), QIcon.Mode.Disabled).toImage() != usual


def test_an_unknown_icon_is_an_error_at_once(theme):
    with pytest.raises(FileNotFoundError):
        icons.icon("no-such-icon")


@pytest.mark.parametrize("kind", [QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QSpinBox])
def test_a_field_to_write_into_has_an_edge(theme, qtbot, kind):
    frame = QWidget()
    qtbot.addWidget(frame)
    field = kind(frame)
    field.setGeometry(10, 10, 200, 60)
    frame.resize(300, 100)
    picture = frame.grab().toImage()
    assert picture.pixelColor(110, 10) == theme.color("edge")
    assert picture.pixelColor(110, 5) != theme.color("edge")


@pytest.mark.parametrize("kind", [QPlainTextEdit, QTextEdit])
def test_a_bare_field_has_none(theme, qtbot, kind):
    frame = QWidget()
    qtbot.addWidget(frame)
    field = kind(frame)
    field.setProperty("bare", "true")
    field.setGeometry(10, 10, 200, 60)
    frame.resize(300, 100)
    assert frame.grab().toImage().pixelColor(110, 10) != theme.color("edge")
