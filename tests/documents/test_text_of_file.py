"""The text of each kind of document, and what is refused with its reason."""

import io
import os
import sys
import zipfile

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from app.documents import docx_text
from app.documents.text_of_file import document_text
from app.errors import DocumentError

SPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
MOST = 1 << 20


def pdf(*pages, password=""):
    writer = PdfWriter()
    for text in pages:
        page = writer.add_blank_page(200, 200)
        told = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
        font = DictionaryObject({NameObject(k): NameObject(v) for k, v in told.items()})
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        content = DecodedStreamObject()
        content.set_data(b"BT /F1 12 Tf 10 100 Td (" + text.encode() + b") Tj ET")
        page[NameObject("/Contents")] = writer._add_object(content)
    if password:
        writer.encrypt(password, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def docx(body, head=""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        xml = f'{head}<w:document xmlns:w="{SPACE}"><w:body>{body}</w:body></w:document>'
        archive.writestr("word/document.xml", xml)
    return out.getvalue()


def line(text, style=""):
    look = f'<w:pPr><w:tabs><w:tab w:pos="9"/></w:tabs>{style}</w:pPr>'
    return f"<w:p>{look}<w:r><w:t>{text}</w:t></w:r></w:p>"


def read(tmp_path, data, name="file"):
    (tmp_path / name).write_bytes(data)
    return document_text(tmp_path / name, MOST)


def test_a_pdf_gives_the_text_of_its_pages_and_a_docx_its_headings_lists_and_tables(tmp_path):
    assert read(tmp_path, pdf("Hello rook", "Second page")) == "Hello rook\n\nSecond page"
    cells = "".join(f"<w:tr><w:tc>{line(a)}</w:tc><w:tc>{line(b)}</w:tc></w:tr>" for a, b in
                    (("bird", "n"), ("a|b", "2")))  # fmt: skip
    body = (
        line("Birds", '<w:pStyle w:val="Heading2"/>')
        + line("one", "<w:numPr/>")
        + f"<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t></w:r><w:del><w:r><w:delText>no</w:delText>"
        f"</w:r></w:del></w:p><w:tbl>{cells}</w:tbl>"
    )
    assert read(tmp_path, docx(body)) == (
        "## Birds\n\n- one\n\na\tb\n\n| bird | n |\n| --- | --- |\n| a\\|b | 2 |"
    )


BOMB = f'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "{"&a;" * 50}">]>'


@pytest.mark.parametrize(
    ("why", "made"),
    [
        ("locked", lambda: pdf("Secret", password="x")),
        ("pictures", lambda: pdf("")),
        ("damaged", lambda: b"%PDF-1.7\nnothing more"),
        ("damaged", lambda: docx(line("x"))[:-40]),
        ("damaged", lambda: docx("<w:p>")),
        ("entities", lambda: docx(line("&b;"), BOMB)),
        ("unpacks-large", lambda: docx(line("x" * 200_000))),
        ("kind", lambda: b"\x89PNG\0\0"),
        ("coding", lambda: "kräht".encode("latin-1")),
        ("old-word", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99),
        ("locked", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
         + "EncryptedPackage".encode("utf-16-le")),
    ],
)  # fmt: skip
def test_what_gives_no_text_is_refused_with_its_reason(tmp_path, monkeypatch, why, made):
    monkeypatch.setattr(docx_text, "MOST_UNPACKED", 100_000)
    with pytest.raises(DocumentError) as refused:
        read(tmp_path, made())
    assert refused.value.facts["why"] == why


@pytest.mark.skipif(sys.platform == "win32", reason="pipes in the file system")
def test_a_pipe_that_nobody_writes_into_hangs_nobody(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(DocumentError) as refused:
        document_text(tmp_path / "pipe.txt", MOST)
    assert refused.value.facts["why"] == "not-ordinary"
