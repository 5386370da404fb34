"""File names of every official kind, and that no name whatever breaks anything."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.hub.catalogue.entries import Entry
from app.hub.catalogue.published_names import named, stem_of

# repository, path, bytes -> what must be told
KNOWN = [
    (
        "BlinkDL/rwkv7-g1", "rwkv7-g1k-2.9b-20260930-ctx25600.pth", 5896273469,
        {"generation": "7.0", "layers": 32, "width": 2560, "vocabulary": 65536,
         "parameters": 2948065280, "released": "2026-09-30", "context": 25600, "dtype": "bf16",
         "kind": "reasoning", "family": "g1", "format": "pth", "languages": ("multi",),
         "title": "G1k 2.9B, reasoning, Sep 2026"},
    ),
    (
        "shoumenchougou/RWKV7-G1e-7.2B-GGUF", "rwkv7-g1e-7.2b-Q5_K_M.gguf", 5349226432,
        {"generation": "7.0", "layers": 32, "width": 4096, "dtype": "q5_k_m", "format": "gguf",
         "title": "G1e 7.2B, reasoning, Q5_K_M"},
    ),
    (
        "BlinkDL/rwkv-6-world", "RWKV-x060-World-1B6-v2.1-20240328-ctx4096.pth", 3199845663,
        {"generation": "6.0", "layers": 24, "width": 2048, "parameters": 1599873024,
         "kind": "chat", "family": "world", "title": "World 1.6B, chat, v2.1, Mar 2024"},
    ),
    (
        "BlinkDL/rwkv-5-world", "RWKV-5-World-0.1B-v1-20230803-ctx4096.pth", 385598386,
        {"generation": "5.0", "layers": 12, "parameters": 192780576},
    ),
    (
        "BlinkDL/rwkv-5-world", "RWKV-5-World-3B-v2-20231118-ctx16k.pth", 6126106467,
        {"generation": "5.2", "context": 16384, "width": 2560},
    ),
    (
        "BlinkDL/rwkv-5-music", "RWKV-5-MIDI-560M-v1-20230902-ctx4096.pth", 1179631346,
        {"generation": "5.1", "vocabulary": 20096, "kind": "music", "family": "midi"},
    ),
    (
        "BlinkDL/rwkv-4-music", "RWKV-4-ABC-82M-v1-20230805-ctx1024.pth", 164183345,
        {"generation": "4", "vocabulary": 128, "layers": 24, "width": 512, "family": "abc"},
    ),
    (
        "BlinkDL/rwkv-4-raven",
        "RWKV-4-Raven-3B-v12-Eng49%-Chn49%-Jpn1%-Other1%-20230527-ctx4096.pth",
        5969345330,
        {"generation": "4", "vocabulary": 50277, "family": "raven", "languages": ("en", "zh", "ja"),
         "title": "Raven 3B, instructions, English and Chinese, v12, May 2023"},
    ),
    (
        "BlinkDL/rwkv-4-novel", "RWKV-4-Novel-7B-v1-ChnEng-20230426-ctx8192.pth", 14785389864,
        {"kind": "novel", "vocabulary": 50277, "languages": ("en", "zh"), "family": "novel"},
    ),
    (
        "BlinkDL/rwkv-4-pile-430m", "RWKV-4-Pile-430M-20220808-8066.pth", 860861859,
        {"kind": "pile", "family": "pile", "layers": 24, "width": 1024, "languages": ("en",)},
    ),
    (
        "BlinkDL/rwkv7-g1", "rwkv7b-g1b-0.1b-20250822-ctx4096.pth", 0,
        {"why_not": "unsupported-variant", "found": "rwkv-7b",
         "kind": "research", "generation": "7.0"},
    ),
    (
        "BlinkDL/rwkv-8-pile", "rwkv-8-pile-rc00-20250508.pth", 0,
        {"why_not": "unsupported-variant", "found": "rwkv-8"},
    ),
    (
        "BlinkDL/temp-latest-training-models",
        "rwkv-x060-chn_single_round_qa-3B-20240516-ctx2048.pth", 15_000_000,
        {"format": "state", "kind": "state", "why_not": "unsupported-format", "languages": ("zh",)},
    ),
    ("me/rwkv7-lora", "rwkv7-2.9b-poems-lora.pth", 90_000_000, {"format": "lora", "kind": "lora"}),
    (
        "xiaol/RWKV-v5-12B-one-state-chat-16k", "RWKV-5-12B-one-state-chat-16k.pth", 23157296483,
        {"kind": "chat", "generation": "5.2", "width": 5120, "format": "pth"},
    ),
    (
        "xiaol/RWKV-v4-world-7B-one-state-65k", "RWKV-7B-world-one.pth", 15035391533,
        {"generation": "4", "width": 4096},
    ),
    (
        "RWKV/RWKV7-G1k-1.5B-20260930", "model.safetensors", 3_055_500_000,
        {"generation": "7.0", "width": 2048, "released": "2026-09-30", "format": "safetensors",
         "title": "G1k 1.5B, reasoning, Sep 2026"},
    ),
    (
        "rwkv-rs/rwkv7-g1-st", "rwkv7-g1j-2.9b-20260831-ctx16384/model.safetensors.index.json", 0,
        {"generation": "7.0", "width": 2560, "context": 16384},
    ),
    (
        "RWKV/rwkv-4-169m-pile", "model.safetensors", 0,
        {"generation": "4", "vocabulary": 50277, "layers": 12, "family": "pile"},
    ),
    ("cgisky/x", "RWKV-x060-World-3B-v2.1-20240417-ctx4096.st", 6_200_000_000, {"dtype": "fp16"}),
    ("x/rwkv-mobile", "rwkv7-0.4b.prefab", 5, {"why_not": "unsupported-format"}),
]  # fmt: skip


@pytest.mark.parametrize(("repo", "file", "size", "told"), KNOWN, ids=[row[1] for row in KNOWN])
def test_names_tell_what_their_makers_put_into_them(repo, file, size, told):
    facts = named(repo, file, size).facts
    assert {name: facts[name] for name in told} == told


def test_bytes_that_contradict_the_name_leave_the_shape_open():
    facts = named("BlinkDL/rwkv7-g1", "rwkv7-g1k-2.9b-20260930-ctx25600.pth", 3_000_000_000)
    assert (facts.layers, facts.width) == (0, 0)
    assert facts.parameters == 2_900_000_000


def test_bytes_tell_the_shape_where_the_name_does_not():
    facts = named("someone/my-tune", "tuned.pth", 15271627549)
    assert (facts.generation, facts.layers, facts.width) == ("6.0", 32, 4096)


def test_a_date_from_elsewhere_is_second_to_one_in_the_name():
    assert named("a/b", "rwkv7-g1d-0.1b-Q8_0.gguf", 0, "2026-02-10").released == "2026-02-10"
    assert named("a/b", "rwkv7-g1-0.1b-20250307.pth", 0, "2026-02-10").released == "2025-03-07"


def test_no_day_that_does_not_exist_is_taken_for_a_date():
    assert named("a/b", "rwkv7-20261399-x.pth").released == ""


def test_the_stem_is_the_folders_where_the_file_says_nothing():
    assert stem_of("a/rwkv-x", "model-00001-of-00002.safetensors") == "rwkv-x"
    assert stem_of("a/rwkv-x", "small/pytorch_model.bin") == "small"
    assert stem_of("a/rwkv-x", "rwkv7-a-00001-of-00002.gguf") == "rwkv7-a"
    assert stem_of("a/rwkv-x", "") == "rwkv-x"


WORDS = st.lists(
    st.sampled_from(
        ["RWKV", "rwkv7", "-", "_", ".", "g1", "7b", "1b5", "0.4B", "ctx", "4096", "16k", "2026",
         "1301", "World", "state", "lora", "midi", "Q8_0", "/", "..", ".pth", ".gguf", "pile", "%",
         "00001-of-00002", ".index.json", "9" * 30, "٣b", "²", "v"]
    )
).map("".join)  # fmt: skip


@given(st.one_of(st.text(), WORDS), st.one_of(st.text(), WORDS), st.integers(-5, 2**70))
@example("", "", 0)
@example("/", "/", 1)
@example("a/b", "rwkv7-.pth", -1)
def test_no_name_breaks_anything(repo, file, size):
    facts = named(repo, file, size)
    one = Entry(repo=repo, file=file, **facts.facts)
    assert one.spec is None or one.spec.parameters > 0
    assert isinstance(facts.title, str)
