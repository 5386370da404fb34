"""Where a stranger's address leads, and whether it may lead there at all."""

import pytest
from PySide6.QtCore import QUrl

from app.ui.widgets.web_address import hover_text, shown_address, shown_host, web_address


@pytest.mark.parametrize(
    "address",
    [
        *(
            "javascript:alert(1)",
            "JavaScript:x",
            "file:///etc/passwd",
            "data:text/html,x",
            "ftp://x",
        ),
        *("//evil.example", "/a", "http:evil.example", "http:///evil.example", "https://", ""),
        *("https://bank.example@evil.example/", "https://u:p@evil.example", "https://a:80@evil.ex"),
        *("https://bank.example%2eevil.example/", "https://bank.example%40evil.example"),
        *("https://bank.example\\@evil.example", "https://bank.example%5C@evil.example"),
        *("https://a.example\n.evil.example", "https://a.example\t/", "https://a.example/b c"),
        *(
            "https://a.example/\u202egpj.exe",
            "https://a.example/\u2066x",
            "https://a\u200b.example ",
        ),
        *(
            "https://a.example:99999/",
            "https://a..b/",
            "https://-a.b/",
            "https://a.b/" + "x" * 3000,
        ),
        *("mailto:a@b.c?attach=/etc/passwd", "mailto:a@b.c,d@e.f", "mailto:", "mailto://a@b.c"),
        *("mailto:a@b.c?bcc=d@e.f", "mailto:a%0Abcc:d@e.f"),
    ],
)
def test_what_misleads_is_no_link(qapp, address):
    assert web_address(address) is None
    assert hover_text(address) == ""


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://a.example/b?c=@d#e", "a.example"),
        ("HTTPS://A.Example", "a.example"),
        ("https://huggingf\u0430ce.co/a", "xn--huggingfce-6qi.co (huggingf\u0430ce.co)"),
        ("https://xn--mnchen-3ya.de", "xn--mnchen-3ya.de (münchen.de)"),
        ("https://google\u3002com/", "google.com"),
        ("http://2130706433/", "127.0.0.1"),
        ("http://[::1]:80/", "::1"),
        ("mailto:a@b.c?subject=x&body=y", "a@b.c"),
    ],
)
def test_the_real_host_is_said(qapp, address, host):
    url = web_address(address)
    assert url is not None
    assert shown_host(url) == host
    assert shown_address(url) in hover_text(address)
    assert shown_address(url).isascii()


def test_look_alike_letters_give_themselves_away(qapp):
    assert shown_address(QUrl("https://huggingfаce.co/a b")).startswith("https://xn--")
