"""Small random models for the tests of engine and worker, and an engine to run them."""

import torch

from app.runtime.generation.engine import Engine
from app.runtime.loading.loading import open_model
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.messages import Done, Generate, Piece
from app.runtime.protocol.prompts import Chat, Sampling, Text, Tokens, Turn
from tests.support.checkpoints import random_tensors, write_pth

GREEDY = Sampling(temperature=0)
HUGE = 10**6


def small_file(folder, generation="7.0", *, vocabulary=256, name="small", **sizes):
    """A byte model by default: its text and its tokens are easily told from each other."""
    tensors = random_tensors(generation, vocabulary=vocabulary, **sizes)
    tensors["head.weight"][0] -= 3  # the end of a text, which would cut most of them short
    tensors["ln_out.bias"] += 0.2
    return write_pth(folder / f"{name}.pth", tensors)


def small_model(folder, generation="7.0", **sizes):
    return open_model(small_file(folder, generation, **sizes), "cpu fp32")


def ask(request=1, prompt=(65, 66, 67), *, limit=8, sampling=GREEDY, start=None, **more):
    """A Generate of token ids, a text, or a list of what the user and the assistant said."""
    if isinstance(prompt, str):
        prompt = Text(prompt)
    elif isinstance(prompt, list):
        roles = ("user", "assistant")
        prompt = Chat(turns=tuple(Turn(roles[i % 2], t) for i, t in enumerate(prompt)))
    elif isinstance(prompt, tuple):
        prompt = Tokens(prompt)
    options = GenerateOptions(limit=limit, sampling=sampling, **more)
    return Generate(id=request, prompt=prompt, options=options, start=start)


class Desk:
    """An engine, and what it sent, by request."""

    def __init__(self, opened, store=None, cancelled=None):
        self.sent, self.cancelled = {}, set() if cancelled is None else cancelled
        self.engine = Engine(opened, self._note, self.cancelled, store)

    def _note(self, reply):
        self.sent.setdefault(reply.id, []).append(reply)

    def run(self, *requests):
        for request in requests:
            self.engine.start(request)
        while not self.engine.idle:
            self.engine.step()
        return self.result(requests[-1].id)

    def run_beside(self, request):
        """Until this one has ended, whatever others wait for."""
        self.engine.start(request)
        while not (sent := self.sent.get(request.id)) or not isinstance(sent[-1], Done):
            self.engine.step()

    def result(self, request=1):
        pieces = [reply for reply in self.sent.get(request, ()) if isinstance(reply, Piece)]
        tokens = [fact.token for piece in pieces for fact in piece.tokens]
        return tokens, "".join(piece.text for piece in pieces), self.sent[request][-1]

    def tokens(self, request=1):
        return self.result(request)[0]


def plainly(opened, prompt, count):
    """The greedy tokens by the model alone, one forward at a time."""
    state = opened.model.blank()
    logits = opened.model.forward(torch.tensor([list(prompt)]), state)
    tokens = []
    while len(tokens) < count:
        tokens.append(int(logits[0].argmax()))
        logits = opened.model.forward(torch.tensor([tokens[-1:]]), state)
    return tokens
