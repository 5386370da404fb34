"""Vocabularies as trees of bytes: a token stands there with exactly its bytes, an end with none."""

import codecs
import json

import numpy as np
import pytest

from app.errors import TokenizerMissing
from app.runtime.checkpoint.file_names import MIDI_TOKENIZERS, NEOX_TOKENIZERS
from app.runtime.tokenizers.byte_tokenizer import byte_tokenizer
from app.runtime.tokenizers.music import abc, midi
from app.runtime.tokenizers.neox import neox
from app.runtime.tokenizers.world import world
from tests.runtime.tokenizers.test_neox import byte_level


def vocabulary(name, folder):
    if name == "neox20b":
        (folder / NEOX_TOKENIZERS[0]).write_text(json.dumps(byte_level()), encoding="utf-8")
        return neox(50304, folder)
    if name == "midi":
        words = ["<pad>", "<start>", "<end>", *(f"t{n}" for n in range(1, 20)), "p:3c:a"]
        text = json.dumps({"model": {"vocab": {word: i for i, word in enumerate(words)}}})
        (folder / MIDI_TOKENIZERS["midi"]).write_text(text, encoding="utf-8")
        return midi("midi", len(words), folder)
    return {"world": world, "bytes": byte_tokenizer, "abc": abc}[name]()


def allowed(trie, matcher):
    bits = np.zeros(-(-trie.tokens // 32), np.uint32)
    matcher.unsafe_compute_mask_ptr(bits.ctypes.data, bits.nbytes)
    assert not matcher.is_error()
    return set(np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little")).tolist())


ANY_TEXT = "start: /(?s:.)+/"


def may_begin_a_text(piece):
    try:
        codecs.getincrementaldecoder("utf-8")().decode(piece)
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("name", ["world", "neox20b", "bytes", "abc", "midi"])
def test_each_token_stands_for_its_bytes_and_an_end_for_none(name, tmp_path):
    tokenizer = vocabulary(name, tmp_path)
    trie = tokenizer.trie
    assert tokenizer.trie is trie
    pieces = {i: piece for i, piece in enumerate(tokenizer.pieces) if piece}
    usual = {i for i, piece in pieces.items() if may_begin_a_text(piece)} - tokenizer.end_tokens
    matcher = trie.matcher(ANY_TEXT)
    assert allowed(trie, matcher) == usual
    whole = [i for i in usual if pieces[i].decode("utf-8", "ignore")]
    assert matcher.consume_token(max(whole, key=lambda i: len(pieces[i])))
    assert allowed(trie, matcher) == usual | trie.ends
    assert trie.ends == tokenizer.end_tokens


@pytest.mark.parametrize("name", ["world", "neox20b", "bytes", "abc", "midi"])
def test_a_forced_text_can_be_written_and_is_written_exactly(name, tmp_path):
    """Also one that the tokenizer would change first, as NeoX composes letters and accents."""
    tokenizer = vocabulary(name, tmp_path)
    texts = {"abc": ["T:x"], "midi": [" t12 p:3c:a"]}.get(name, ["{ e\u0301\u4e16 }", "a\n\n  b"])
    for text in texts:
        matcher, written = tokenizer.trie.matcher(f"start: {json.dumps(text)}"), b""
        while not matcher.is_stopped():
            token = min(allowed(tokenizer.trie, matcher))
            assert matcher.consume_token(token)
            written += tokenizer.pieces[token]
        assert written == text.encode()


def test_a_compiled_grammar_is_kept_for_the_texts_that_come_together():
    trie = byte_tokenizer().trie
    first, second = trie.matcher('start: "ab"'), trie.matcher('start: "ab"')
    assert first.consume_tokens([97, 98])
    assert not second.is_stopped()
    assert second.consume_tokens([97, 98])
    assert "unknown name" in trie.errors("start: b")
    assert trie.errors('start: "b"') == ""


def test_a_vocabulary_that_is_missing_makes_no_tree(tmp_path):
    with pytest.raises(TokenizerMissing):
        neox(50277, tmp_path).trie  # noqa: B018
