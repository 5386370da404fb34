"""Replies are taken apart the same however they are cut: thought, answer, calls of tools."""

import json

import pytest

from app.runtime.protocol.prompts import Turn
from app.runtime.protocol.token_spans import TokenSpan, pack
from app.server.replies.reply_memory import ReplyMemory
from app.server.replies.reply_parts import ReplyParts
from app.server.replies.tool_calls import ToolCall
from app.server.replies.tool_prompt import tool_lines

CALL = '{"name": "pick", "arguments": {"a": [1, "}"]}}'
OTHER = '{"name": "drop", "arguments": {}}'


def taken(text, size=0, begun="", tools=("pick", "drop")):
    """Thought, answer and calls, and that no piece is empty."""
    parts = ReplyParts(begun, frozenset(tools))
    pieces = [text[at : at + size] for at in range(0, len(text), size)] if size else [text]
    found = [part for piece in pieces for part in parts.feed(piece)]
    rest, calls = parts.end()
    found += rest
    assert all(part.text for part in found)
    texts = {"thought": "", "answer": ""}
    for part in found:
        texts[part.kind] += part.text
    return texts["thought"].rstrip(), texts["answer"], calls


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        (" Hello there", "", "Hello there"),
        ("\n\n  code", "", "  code"),
        ("<think>\nWell, 1 < 2.\n</think>\n\nYes.", "Well, 1 < 2.", "Yes."),
        (" <think></think>Yes <think>no</think>", "", "Yes <think>no</think>"),
        ("<think>\nnever closed </thin", "never closed </thin", ""),
        ("<thinking> is no mark", "", "<thinking> is no mark"),
        ("a ```python\nx\n``` and <tool", "", "a ```python\nx\n``` and <tool"),
        ("```json\n[1, 2]\n```", "", "```json\n[1, 2]\n```"),
        ('{"name": "unknown", "arguments": {}}', "", '{"name": "unknown", "arguments": {}}'),
    ],
)
def test_thought_and_answer_are_told_apart_however_the_text_is_cut(text, thought, answer):
    for size in (0, 1, 2, 3, 7):
        assert taken(text, size) == (thought, answer, [])


def test_what_the_template_began_belongs_to_the_thought():
    assert taken(">\nAha.\n</think>\nYes.", 1, begun="<think") == ("Aha.", "Yes.", [])
    assert taken(">\n\nYes.", 1, begun="<think>\n</think") == ("", "Yes.", [])


@pytest.mark.parametrize(
    ("text", "answer", "names"),
    [
        (f" ```json\n{CALL}\n```", "", ["pick"]),
        (f"<think>Hm.</think>\n<tool_call>\n{CALL}\n</tool_call>", "", ["pick"]),
        (f"<tool_call>{CALL}</tool_call>\n<tool_call>{OTHER}</tool_call>", "", ["pick", "drop"]),
        (f'<tool_calls>[{{"function": {CALL}}}]</tool_calls>', "", ["pick"]),
        (f" {CALL}", "", ["pick"]),
        (f"```json\n[{CALL}, {OTHER}]\n```", "", ["pick", "drop"]),
        (f"I look.\n```json\n{CALL}\n```", "I look.", ["pick"]),
    ],
)
def test_calls_are_found_in_the_forms_that_models_write(text, answer, names):
    for size in (0, 1, 5):
        _, told, calls = taken(text, size)
        assert told.rstrip() == answer
        assert [call.name for call in calls] == names
        assert all(isinstance(json.loads(call.arguments), dict) for call in calls)


def test_arguments_in_a_text_are_taken_and_a_call_that_was_cut_stays_text():
    quoted = '<tool_call>{"name": "pick", "arguments": "{\\"a\\": 1}"}</tool_call>'
    assert taken(quoted)[2] == [ToolCall("pick", '{"a": 1}')]
    cut = f"```json\n{CALL[:-3]}"
    assert taken(cut, 1) == ("", cut, [])


def test_tools_are_told_as_signatures():
    schema = {
        "type": "object",
        "properties": {
            "place": {"type": "string"},
            "unit": {"enum": ["c", "f"]},
            "days": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["place"],
    }
    assert tool_lines([("weather", "Tells\n the weather.", schema)], must=True) == (
        'Tools:\n- weather(place: string, unit?: "c" | "f", days?: integer[]): Tells the weather.\n'
        "Return only a JSON function call."
    )


def test_a_reply_is_recalled_as_its_tokens_only_behind_the_same_words():
    memory = ReplyMemory()
    before = (Turn("user", "Hi"),)
    written = Turn("assistant", " Hello", TokenSpan("v", 0, pack([1, 2])))
    memory.keep(("model",), before, "Hello", written)
    sent = (*before, Turn("assistant", "Hello"), Turn("user", "And?"))
    assert memory.recalled(("model",), sent) == (before[0], written, sent[2])
    assert memory.recalled(("other",), sent) == sent
    changed = (Turn("user", "Hi!"), *sent[1:])
    assert memory.recalled(("model",), changed) == changed
