"""The World tokenizer equals the official one, whatever the text and however long."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pyrwkv_tokenizer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rwkv import rwkv_tokenizer

from app.errors import TokenizerDamaged
from app.resources import resource
from app.runtime.checkpoint.file_names import WORLD_VOCABULARY
from app.runtime.tokenizers import longest_match
from app.runtime.tokenizers.longest_match import PlainMatch, WideMatch
from app.runtime.tokenizers.world import LONG, TOKENS, read_pieces, world

KNOWN = {
    "": [],
    "\n": [11],
    "\n\n": [261],
    "\r\n": [263],
    "\n\n\n": [3328],
    " <": [295],
    "></": [5439],
    "✿": [10060],
    "你好": [10464, 11685],
    "User: hi\n\nAssistant:": [24281, 59, 4571, 261, 5585, 41693, 59],
    "Assistant: <think": [5585, 41693, 59, 295, 35762],
    "The Eiffel tower is in the city of": [
        6699, 304, 25740, 109, 39990, 4600, 4596, 22590, 30449, 4706,
    ],
    "Today is a beautiful day. 今天是美好的一天。": [
        33520, 4600, 332, 59219, 21509, 47, 33, 10381, 11639, 13091, 15597, 11685, 14734, 10250,
        11639, 10080,
    ],
}  # fmt: skip

SCRAPS = [
    " the", "ing", "Hello", "\n\n", "\r\n", "        ", "\t", "0", "1234567", "def f(x):",
    "今天", "天气", "。", "日本語", "한국어", "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "Ünïcödé", "ñ", "😀", "🇫🇷", "\u200d", "\x00", "\x7f",
    "<|endoftext|>", "<think>", "</think>", "✿", "e\u0301", "\ufffd", "𝕏", "\u202e",
    "====", "-" * 70,
]  # fmt: skip


@pytest.fixture(scope="module")
def pieces():
    return read_pieces(resource("vocabulary", WORLD_VOCABULARY))


@pytest.fixture(scope="module")
def plain(pieces):
    return PlainMatch(pieces)


@pytest.fixture(scope="module")
def wide(pieces, plain):
    return WideMatch(pieces, plain)


@pytest.fixture(scope="module")
def rust():
    return pyrwkv_tokenizer.RWKVTokenizer()


def scrambled(seed: int, length: int) -> str:
    chance = random.Random(seed)
    parts, written = [], 0
    while written < length:
        strange = chr(chance.choice([chance.randrange(0xD800), chance.randrange(0xE000, 0x110000)]))
        parts.append(chance.choice([*SCRAPS, strange]) * chance.choice([1, 1, 1, 2, 9]))
        written += len(parts[-1])
    return "".join(parts)


@pytest.mark.parametrize("text", KNOWN, ids=ascii)
def test_known_texts_have_their_known_ids(text):
    assert world().encode(text) == KNOWN[text]
    assert world().decode(KNOWN[text]) == text


def test_it_agrees_with_the_golden_vectors(golden):
    vectors = json.loads((golden / "tokenizer_vectors.json").read_text(encoding="utf-8"))
    for vector in vectors:
        assert world().encode(vector["text"]) == vector["world"]
        assert world().decode(vector["world"]) == vector["text"]


def test_it_agrees_with_the_official_tokenizer():
    folder = Path(rwkv_tokenizer.__file__).parent
    official = rwkv_tokenizer.TRIE_TOKENIZER(str(folder / "rwkv_vocab_v20230424.txt"))
    for seed in range(300):
        text = scrambled(seed, seed)
        assert world().encode(text) == official.encode(text)
    assert [official.idx2token[i] for i in range(1, TOKENS)] == list(world().pieces[1:])


@settings(max_examples=300, deadline=None)
@given(text=st.text())
def test_it_agrees_with_the_fast_tokenizer_on_any_text(rust, text):
    ids = world().encode(text)
    assert ids == rust.encode(text)
    assert world().decode(ids) == text


def test_a_long_text_has_the_same_ids_as_in_the_fast_tokenizer(rust):
    text = scrambled(7, 3 * LONG)
    assert len(text.encode()) > 2 * LONG
    assert world().encode(text) == rust.encode(text)


@pytest.mark.parametrize("seed", range(8))
def test_the_wide_matcher_equals_the_plain_one(plain, wide, seed):
    chance = random.Random(seed)
    data = [
        scrambled(seed, 6000).encode(),
        chance.randbytes(5000),
        bytes(chance.choice(b"\0\0 a\xff\x80") for _ in range(5000)),
        b" " * 3000 + b"\n" * 3000,
        chance.choice([b"ab", b"\0", b"\xff", b"=", "漢".encode(), b"\xe6"]) * 2500,
    ][seed % 5]
    cut = data[: len(data) - chance.randrange(9)]
    assert wide.encode(cut) == plain.encode(cut)


@pytest.mark.parametrize("block", [1, 7, 100, 513, 4096])
def test_where_the_blocks_are_cut_does_not_matter(plain, wide, monkeypatch, block):
    data = scrambled(3, 3000 if block > 10 else 60).encode()
    monkeypatch.setattr(longest_match, "BLOCK", block)
    assert wide.encode(data) == plain.encode(data)


def test_every_token_is_found_again_by_both_matchers(pieces, plain, wide):
    text = b"".join(pieces)
    ids = plain.encode(text)
    assert b"".join(pieces[i] for i in ids) == text
    assert wide.encode(text) == ids
    assert all(plain.encode(pieces[i]) == [i] for i in range(1, TOKENS))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("character", ["a", " ", "漢", "\x00", "\u0301"], ids=ascii)
def test_megabytes_of_one_character_take_no_longer_than_a_text(character):
    count = 10_000_000 // len(character.encode()) if character in "a " else 500_000
    tokenizer = world()
    ids = tokenizer.encode(character * count)
    assert sum(len(tokenizer.pieces[i]) for i in ids) == count * len(character.encode())


def test_special_names_in_a_text_are_text():
    ids = world().encode("<|endoftext|></s><pad>")
    assert 0 not in ids
    assert world().decode(ids) == "<|endoftext|></s><pad>"


def test_lone_surrogates_become_replacement_characters_and_pairs_are_joined():
    assert world().encode("a\ud800b") == world().encode("a\ufffdb")
    assert world().encode("\ud83d\ude00") == world().encode("😀")


def test_ids_without_bytes_decode_to_nothing():
    assert world().decode([0, 65530, 65535, 10**9, -1, 33155]) == "Hello"


def test_rows_beyond_the_vocabulary_are_never_to_be_chosen():
    assert world(65536).never == frozenset(range(65530, 65536))
    assert world(65530).never == frozenset()
    assert world().end_tokens == {0}


def test_blanks_and_digits_are_not_counted_by_the_penalty():
    texts = {world().decode([i]) for i in world().uncounted}
    assert {" ", "\t", "0", "9", "01"} & texts >= {" ", "\t", "0", "9"}
    assert all(text in " \t0123456789" for text in texts)
    assert 0 not in world().uncounted


def test_windows_line_ends_in_the_file_do_not_matter(tmp_path, pieces):
    path = tmp_path / "vocabulary.txt"
    path.write_bytes(resource("vocabulary", WORLD_VOCABULARY).read_bytes().replace(b"\n", b"\r\n"))
    assert read_pieces(path) == pieces


@pytest.mark.parametrize("harm", ["gone", "empty", "cut", "swapped", "length", "junk", "not text"])
def test_a_broken_vocabulary_is_a_failure_of_the_tokenizer(tmp_path, harm):
    path = tmp_path / "vocabulary.txt"
    lines = resource("vocabulary", WORLD_VOCABULARY).read_bytes().splitlines(keepends=True)
    broken = {
        "empty": [],
        "cut": lines[:5000],
        "swapped": [lines[1], lines[0], *lines[2:]],
        "length": [*lines[:-1], lines[-1].replace(b"128", b"127")],
        "junk": [rb"1 '\u' 1" + b"\n", *lines[1:]],
        "not text": [b"1 '\\\xff' 1\n", *lines[1:]],
    }
    if harm in broken:
        path.write_bytes(b"".join(broken[harm]))
    tokenizer = world(65536, path)
    assert isinstance(tokenizer.failure, TokenizerDamaged)
    assert tokenizer.failure.facts == {"path": str(path)}
    with pytest.raises(TokenizerDamaged):
        tokenizer.encode("Hello")
    assert tokenizer.decode([33155]) == ""


def test_importing_the_tokenizers_reads_no_vocabulary():
    code = (
        "import sys; from app.runtime.tokenizers import world as _; "
        "w = sys.modules['app.runtime.tokenizers.world']; "
        "assert w._loaded.cache_info().currsize == 0; "
        "assert not {'torch', 'tokenizers'} & set(sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, timeout=60)
