"""Asks the guide its questions through the program's own engine and counts the right answers.

Prompt, template, stops and sampling are the program's. An answer is right where it names every
fact (`facts.toml`) of one of its question's topics.
"""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path

from app.runtime.generation.engine import Engine
from app.runtime.loading.loading import open_model
from app.runtime.opened import Opened
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Failed, Generate, Piece, Reply
from app.runtime.protocol.prompts import Chat, Sampling, Turn

HERE = Path(__file__).parent
MODEL = HERE.parent / "resources" / "models" / "rookery-guide.safetensors"
AT_ONCE = 16
LIMIT = 400
WAYS = {
    "greedy": Sampling(temperature=0.0),
    "temperature 1.0, top-p 0.3": Sampling(temperature=1.0, top_p=0.3, seed=1),
}


@dataclass(frozen=True)
class Question:
    """What a person may type, and the topics whose facts answer it."""

    question: str
    topics: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """One question, what the model answered, and whether that is right."""

    question: str
    topics: tuple[str, ...]
    answer: str
    right: bool


def questions(name: str) -> list[Question]:
    """The questions of `name`.jsonl: "questions" is the held-out set, "dev" the other one."""
    lines = (HERE / f"{name}.jsonl").read_text("utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    return [Question(entry["question"], tuple(entry["topics"])) for entry in entries]


def facts() -> dict[str, list[str]]:
    """By topic, the patterns that a right answer contains."""
    found: dict[str, list[str]] = tomllib.loads((HERE / "facts.toml").read_text("utf-8"))
    return found


def is_right(answer: str, topics: tuple[str, ...], known: dict[str, list[str]]) -> bool:
    """Whether the answer names all facts of one of the topics."""
    return any(all(re.search(p, answer, re.IGNORECASE) for p in known[name]) for name in topics)


def answers(opened: Opened, asked: list[str], how: Sampling) -> list[str]:
    """The model's reply to each message, as the first of a chat of its own.

    Raises RuntimeError where the engine refuses a question.
    """
    pieces: list[list[str]] = [[] for _ in asked]
    failures: list[Failed] = []
    running = 0

    def hear(reply: Reply) -> None:
        nonlocal running
        if isinstance(reply, Piece):
            pieces[reply.id].append(reply.text)
        elif isinstance(reply, Failed):
            failures.append(reply)
        running -= type(reply).__name__ in ("Done", "Failed")

    options = GenerateOptions(limit=LIMIT, sampling=how)
    engine = Engine(opened, hear)
    waiting = deque(enumerate(asked))
    while waiting or running:
        while waiting and running < AT_ONCE:
            number, text = waiting.popleft()
            chat = Chat(turns=(Turn("user", text),))
            engine.start(Generate(id=number, prompt=chat, options=options))
            running += 1
        engine.step()
    if failures:
        raise RuntimeError(failures[0].code)
    return ["".join(parts).strip() for parts in pieces]


def judge(opened: Opened, asked: list[Question], how: Sampling) -> list[Verdict]:
    """A verdict on every question."""
    known = facts()
    replies = answers(opened, [one.question for one in asked], how)
    return [
        Verdict(one.question, one.topics, reply, is_right(reply, one.topics, known))
        for one, reply in zip(asked, replies, strict=True)
    ]


def main() -> None:
    """Print the share of right answers in every way of sampling, and what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--questions", default="questions", choices=("questions", "dev"))
    parser.add_argument("--strategy", default="cpu fp32")
    parser.add_argument("--out", type=Path, help="write every verdict to this JSON file")
    given = parser.parse_args()
    opened = open_model(given.model, given.strategy)
    asked = questions(given.questions)
    written = {}
    for name, how in WAYS.items():
        verdicts = judge(opened, asked, how)
        right = sum(one.right for one in verdicts)
        for one in verdicts:
            if not one.right:
                print(f"- {one.question}  [{', '.join(one.topics)}]\n    {one.answer}")
        line = f"{right} of {len(verdicts)} right ({right / len(verdicts):.1%})"
        print(f"{given.questions}, {opened.strategy.text}, {name}: {line}")
        written[name] = [asdict(one) for one in verdicts]
    if given.out:
        given.out.write_text(json.dumps(written, indent=1, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
