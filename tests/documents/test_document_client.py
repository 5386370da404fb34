"""Documents are taken apart in a process of their own, which harms nobody when it fails."""

import asyncio
import sys

import pytest

from app.documents.document_client import read_documents
from app.errors import DocumentError
from app.messages.documents.document_failures import left_out_words

from .test_text_of_file import docx, line, pdf

TELLS = """
import sys, time
from app.system.frames import read_frame, write_frame
from app.documents.document_messages import DocumentBegun, encode
read_frame(sys.stdin.buffer)
write_frame(sys.stdout.buffer, encode(DocumentBegun("odd.pdf")))
"""


def test_a_folder_is_read_in_the_process_and_what_is_left_out_is_named(tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(pdf("First"))
    (folder / "b.docx").write_bytes(docx(line("Second")))
    (folder / "c.md").write_text("# Third", encoding="utf-8")
    (folder / "locked.pdf").write_bytes(pdf("Secret", password="x"))
    source = asyncio.run(read_documents([folder]))
    assert source.text == (
        "papers/a.pdf\n\nFirst\n\npapers/b.docx\n\nSecond\n\npapers/c.md\n\n# Third"
    )
    told = left_out_words([(one.name, one.why) for one in source.left_out])
    assert told == "Left out: papers/locked.pdf (has a password)"
    assert source.size_bytes > 100


@pytest.mark.parametrize(
    ("rest", "limit_s", "why"),
    [
        ("time.sleep(99)", 1.0, "slow"),
        ("sys.exit(4)", 60.0, "memory"),
        ("sys.exit(1)", 60.0, "crashed"),
        (
            "from app.documents.document_process import limit_memory\n"
            "limit_memory(300_000_000)\nkept = b'x' * 350_000_000\ntime.sleep(99)",
            60.0,
            "memory",
        ),
    ],
)
def test_a_process_that_fails_is_told_with_the_file_it_was_at(tmp_path, rest, limit_s, why):
    command = [sys.executable, "-c", TELLS + rest]
    with pytest.raises(DocumentError) as refused:
        asyncio.run(read_documents([tmp_path], command, limit_s))
    assert refused.value.facts["why"] == why
    assert refused.value.facts["path"] == "odd.pdf" or why == "slow"
