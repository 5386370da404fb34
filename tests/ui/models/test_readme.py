"""A stranger's page: what of it is shown, and what is not."""

import time

import pytest

from app.ui.models.readme import plain_markdown
from app.ui.widgets.link_dialog import offer_address
from app.ui.widgets.web_address import shown_address


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("---\nlicense: mit\n---\n# A", "# A"),
        ("a <!-- hidden\nlines --> b", "a  b"),
        ("<script>alert(1)</script>b", "b"),
        ("<div align='center'>a</div>", "a"),
        ("x <b>bold</b> y", "x bold y"),
        ("`<b>` stays", "`<b>` stays"),
        ("```\n<div>\n```", "```\n<div>\n```"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<script>never closed", ""),
        ("a\r\nb", "a\nb"),
        ("```\n<div>\nnever closed", "```\n<div>\nnever closed"),
        ("---\n\nlicense: mit\n---\n# A", "# A"),
    ],
)
def test_headers_and_html_are_taken_out_and_code_is_left(text, plain):
    assert plain_markdown(text) == plain


@pytest.mark.parametrize(
    "text",
    ["---" + "\n" * 60_000, "```x\n" * 24_000, "<!-- " * 24_000, "<div " * 24_000, "`a" * 60_000],
)
def test_no_page_holds_the_window_up(text):
    begin = time.process_time()
    plain_markdown(text)
    assert time.process_time() - begin < 5.0  # it takes milliseconds; once it took minutes


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "https://bank.example@evil.example/",
        "ftp://a.example/b",
    ],
)
def test_some_addresses_are_not_offered_at_all(application, address):
    assert offer_address(address, application.window, application.window.pos()) is None


def test_look_alike_letters_give_themselves_away(qapp):
    from PySide6.QtCore import QUrl

    assert shown_address(QUrl("https://huggingfаce.co/a b")).startswith("https://xn--")
