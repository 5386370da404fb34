"""Cutting Markdown that is still being written: the same blocks, however it came."""

import random

import pytest

from app.ui.markdown.blocks import Block, BlockStream, blocks_of

TEXT = """Some words with **bold** and a [link](http://x.y).

# Heading

- one
- two
  - inner

    a paragraph
- three

1. first
2. second

1) other

```python
def f():

    return 1
```

| a | b |
|---|:-:|
| 1 | 2 |

> quoted
> more

***

    indented code

A line
another line
- a list right after
---
Last [ref] words.

[ref]: http://example.com
"""


def shape(blocks: list[Block]) -> list[tuple]:
    return [(b.kind, b.source, b.bullet, b.number, b.joined, b.language) for b in blocks]


def grown(text: str, steps: list[int]) -> list[Block]:
    stream = BlockStream()
    at = 0
    for step in steps:
        at += step
        stream.grow(text[:at])
    stream.grow(text, final=True)
    return stream.blocks


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50])
def test_the_blocks_do_not_depend_on_how_the_text_came(step: int):
    steps = [step] * (len(TEXT) // step)
    assert shape(grown(TEXT, steps)) == shape(blocks_of(TEXT))


def test_every_kind_is_found():
    blocks = blocks_of(TEXT)
    assert {block.kind for block in blocks} == {"text", "code", "table", "rule"}
    assert [block.number for block in blocks if block.ordered] == [1, 2, 1]
    assert [block.language for block in blocks if block.kind == "code"] == ["python", ""]
    assert blocks[5].kind == "text"
    assert "def f():\n\n    return 1\n" in [block.source for block in blocks]


def test_a_finished_block_never_changes_again():
    stream = BlockStream()
    finished: list[Block] = []
    for at in range(1, len(TEXT)):
        first = stream.grow(TEXT[:at])
        assert first >= len(finished)
        assert all(one is other for one, other in zip(finished, stream.blocks, strict=False))
        finished = stream.blocks[:-1]


def test_a_list_numbered_with_ones_counts_on():
    text = "1. a\n1. b\n1. c\n1. d\n"
    assert [block.number for block in grown(text, [1] * len(text))] == [1, 2, 3, 4]


def test_a_line_of_marks_is_not_shown_before_it_is_known_what_it_begins():
    stream = BlockStream()
    stream.grow("A title\n-")
    assert [block.source for block in stream.blocks] == ["A title\n"]
    stream.grow("A title\n- item")
    assert [block.bullet for block in stream.blocks] == ["", "-"]
    assert [block.kind for block in blocks_of("A title\n---")] == ["text", "rule"]


def test_a_paragraph_without_end_is_cut_and_nothing_is_lost():
    generator = random.Random(3)
    words = ["plain", "**bold words**", "`code`", "*so*", "end.", "[a link](http://x.y)"]
    text = " ".join(generator.choice(words) for _ in range(6000))
    blocks = grown(text, [11] * (len(text) // 11))
    assert "".join(block.source for block in blocks) == text
    assert max(len(block.source) for block in blocks) <= 4000
    assert all(block.joined for block in blocks[1:])


def test_line_ends_of_other_systems_are_line_ends():
    assert shape(blocks_of("a\r\n\r\n- b\r- c")) == shape(blocks_of("a\n\n- b\n- c"))


def test_raw_html_is_a_paragraph():
    (block,) = blocks_of("<script>alert(1)</script>")
    assert (block.kind, block.tokens[0].type) == ("text", "paragraph_open")


@pytest.mark.parametrize("text", ["", "   \n\n", "\n", "```", "- ", "|", "\x00", "[a]: b"])
def test_scraps_are_no_trouble(text: str):
    blocks_of(text)
    grown(text, [1] * len(text))
