"""Every pair of colours that the style sheet puts together can be told apart, in every state.

The sheet is read as it stands: a rule of a kind and a state inherits from the kind, that from the
widget.  What is transparent shows each of the grounds that a widget can stand on.
"""

import re

import pytest
from PySide6.QtGui import QColor

from app.resources import resource
from app.ui.look.theme import Theme
from tests.ui.look.test_theme import contrast

GROUNDS = ("window", "surface", "raised")
STATES = ("", "hover", "pressed", "focus", "disabled", "checked", "selected")
FIELDS = ("QLineEdit", "QPlainTextEdit", "QTextEdit", "QComboBox", "QSpinBox", "QDoubleSpinBox")
MARKS = ("QCheckBox::indicator", "QRadioButton::indicator", "QScrollBar::handle")
CARDS = ("QFrame[card=", "QFrame[composer=", "QFrame[failed=", "QFrame#overlay", "QMenu")
FRAMED = ("QPushButton", *FIELDS, *MARKS, *CARDS)
BARE = ("quiet", "link", "rail", "pill", "fold", "bare")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


def rules() -> dict[str, dict[str, str]]:
    sheet = re.sub(r"/\*.*?\*/", "", resource("theme", "style.qss").read_text("utf-8"), flags=re.S)
    found: dict[str, dict[str, str]] = {}
    for selectors, body in _RULE.findall(sheet):
        pairs = (line.split(":", 1) for line in body.split(";") if ":" in line)
        values = {name.strip(): value.strip() for name, value in pairs}
        for selector in selectors.split(","):
            found.setdefault(" ".join(selector.split()), {}).update(values)
    return found


RULES = rules()
STATE = re.compile(r"(?<!:):(?!:)[a-z-]+$")
KINDS = sorted({STATE.sub("", one) for one in RULES})


def role_in(value: str) -> str | None:
    """The colour of a value such as "1px solid @edge"; None where it has none."""
    found = re.search(r"@([a-z][a-z-]*)", value)
    return found[1] if found else None


def dressed(kind: str, state: str) -> dict[str, str]:
    """What holds for a kind in a state."""
    base = kind.split("[")[0].split("::")[0].split("#")[0]
    chain = [base, f"{base}:{state}", kind, f"{kind}:{state}"]
    values: dict[str, str] = {}
    for one in chain:
        new = RULES.get(one, {})
        if "border-color" in new and "border" not in new:
            values = {name: value for name, value in values.items() if name != "border"}
        if "border" in new:
            values.pop("border-color", None)
        values |= new
    return values


def grounds(values: dict[str, str]) -> tuple[str, ...]:
    role = role_in(values.get("background", ""))
    return (role,) if role and role not in ("radius-control",) else GROUNDS


@pytest.fixture(params=["light", "dark"])
def theme(qapp, request):
    made = Theme(request.param)
    made.apply(qapp)
    return made


@pytest.mark.parametrize("state", STATES)
def test_words_can_be_read_on_what_they_stand_on(theme, state):
    poor = []
    for kind in KINDS:
        values = dressed(kind, state)
        words = role_in(values.get("color", "@text"))
        for ground in grounds(values):
            ratio = contrast(theme.color(words), theme.color(ground))
            if ratio < 4.5 and "::" not in kind and not without_words(kind):
                poor.append((kind, state, words, ground, round(ratio, 2)))
    assert not poor


@pytest.mark.parametrize("state", STATES)
def test_the_edge_of_a_control_can_be_seen(theme, state):
    poor = []
    for kind in KINDS:
        part = " " in kind or ("::" in kind and kind not in MARKS)
        if not kind.startswith(FRAMED) or part or any(role in kind for role in BARE):
            continue
        values = dressed(kind, state)
        edge = role_in(values.get("border-color", values.get("border", "")))
        inside = role_in(values.get("background", ""))
        assert edge or inside, kind
        for ground in GROUNDS:
            shades = [one for one in (edge, inside) if one]
            ratio = max(contrast(theme.color(one), theme.color(ground)) for one in shades)
            if ratio < 3.0:
                poor.append((kind, state, edge, ground, round(ratio, 2)))
    assert not poor


@pytest.mark.parametrize("field", ["QLineEdit", "QPlainTextEdit", "QTextEdit"])
def test_what_an_empty_field_asks_for_can_be_read(theme, field):
    words = role_in(RULES[field]["placeholder-text-color"])
    for state in ("", "focus", "disabled"):
        for ground in grounds(dressed(field, state)):
            assert contrast(theme.color(words), theme.color(ground)) >= 4.5


@pytest.mark.parametrize("ground", ["accent-soft", "hover"])
@pytest.mark.parametrize("mark", ["good", "warn", "bad", "accent", "text-dim", "edge"])
def test_pictures_can_be_seen_on_a_row_that_is_chosen(theme, mark, ground):
    assert contrast(theme.color(mark), theme.color(ground)) >= 3.0


def test_an_empty_field_is_painted_so(theme, qtbot):
    from PySide6.QtWidgets import QLineEdit

    field = QLineEdit(placeholderText="▆▆▆▆▆▆")
    qtbot.addWidget(field)
    field.resize(200, 40)
    image = field.grab().toImage()
    inside = [image.pixelColor(x, 20) for x in range(10, 100)]
    best = max(contrast(QColor(one), theme.color("surface")) for one in inside)
    assert best >= 4.5


def without_words(kind: str) -> bool:
    return kind in ("QFrame#insertion", 'QFrame[rule="true"]', "QProgressBar") or kind.startswith(
        ("QScrollBar", "QSplitter", "QSlider")
    )
