"""POST /v1/embeddings: texts as vectors of length 1.

A model for embeddings (EmbeddingRWKV) reads a text and its own end token, and its head for a task
makes the vector.  Of an ordinary model it is the vector after ln_out at token 0, which ends a text.
Such a model was not trained for that: it serves for rough likeness only, and the answer's model
name says so.
"""

import base64
import contextlib
import math
from array import array
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from app.errors import NumbersBroken, ServerRefused
from app.runtime.protocol.generate_options import GenerateOptions, Outputs
from app.runtime.protocol.messages import Done, Piece
from app.runtime.protocol.prompts import Prompt, Sampling, Tokens
from app.runtime.protocol.token_spans import unpack
from app.server.http.answers import JsonAnswer
from app.server.http.request_body import read_body
from app.server.http.request_record import RequestRecord, record_of
from app.server.model_host import OpenModel
from app.server.replies.token_usage import Usage
from app.server.server_services import Services
from app.server.text_run import AskedText, run_texts

from .completion_endpoint import prompts_of
from .request_fields import EmbeddingFields

UNTRAINED = "-untrained-embedding"
"""Stands behind the name of a model that was not trained for embeddings."""

_FORMATS = ("float", "base64")
_USUAL_TASK = "retr"
_TERMINATOR, _EMBEDDING_END = 0, 65535


class EmbeddingEndpoint:
    """Answers with what ``services`` have."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def answer(self, request: Request) -> ASGIApp:
        """Read the request; the answer does the work."""
        fields = await read_body(request, EmbeddingFields)
        kind = fields.encoding_format or "float"
        if kind not in _FORMATS:
            wanted = ",".join(_FORMATS)
            raise ServerRefused(
                why="field-value", name="encoding_format", value=kind[:40], wanted=wanted
            )
        if fields.dimensions is not None and fields.dimensions < 1:
            raise ServerRefused(why="field", name="dimensions")
        prompts = prompts_of(fields.input, "input")

        async def made() -> dict[str, Any]:
            wanted = (fields.model or "").removesuffix(UNTRAINED)
            usage, record = Usage(), record_of(request.scope)
            async with self._services.host.admitted(wanted, len(prompts)) as model:
                vectors = await embedded(prompts, model, usage, record, fields.task or "")
                name = embedding_name(model)
            cut = [_cut(vector, fields.dimensions) for vector in vectors]
            return {
                "object": "list",
                "data": [
                    {"object": "embedding", "index": index, "embedding": _told(vector, kind)}
                    for index, vector in enumerate(cut)
                ],
                "model": name,
                "usage": {"prompt_tokens": usage.read, "total_tokens": usage.read},
            }

        return JsonAnswer(made)


def embedding_name(model: OpenModel) -> str:
    """What the answer calls the model."""
    return model.id if model.loaded.embeds else f"{model.id}{UNTRAINED}"


async def embedded(
    prompts: list[Prompt], model: OpenModel, usage: Usage, record: RequestRecord, task: str = ""
) -> "list[array[float]]":
    """One vector (C,) of length 1 for each prompt; ``task`` names a head of an embedding model.

    Raises RequestRefused for a head that it has not, and the worker's failures.
    """
    record.model = model.id
    ends = (await model.vocabulary()).ends
    sampling = Sampling(temperature=0, banned=tuple(ends))  # so that a token comes, with its vector
    options = GenerateOptions(limit=1, sampling=sampling, outputs=_outputs(model, task))
    asked = [AskedText(await _ended(one, model), options) for one in prompts]
    found: dict[int, bytes] = {}
    async with contextlib.aclosing(run_texts(asked, model)) as events:
        async for place, event in events:
            if isinstance(event, Piece) and event.tokens:
                found[place] = event.tokens[0].hidden
            elif isinstance(event, Done):
                usage.note(msgspec.structs.replace(event, tokens=0), place)
    record.read, record.cached = usage.read, usage.cached
    return [_unit(found[place]) for place in range(len(asked))]


def _outputs(model: OpenModel, task: str) -> Outputs:
    tasks = model.loaded.embeds
    usual = _USUAL_TASK if _USUAL_TASK in tasks else next(iter(tasks), "")
    return Outputs(hidden=True, embedding=task or usual)


async def _ended(prompt: Prompt, model: OpenModel) -> Tokens:
    """The tokens of a prompt, and the one that ends a text."""
    if isinstance(prompt, Tokens):
        ids = prompt.ids
    else:
        ids = unpack((await model.runner.encode(prompt)).ids)
    if not model.loaded.embeds:
        return Tokens((*ids, _TERMINATOR))
    return Tokens((*ids, min(_EMBEDDING_END, model.loaded.spec.vocabulary - 1)))


def _unit(packed: bytes) -> "array[float]":
    vector = array("f")
    vector.frombytes(packed)
    length = math.sqrt(sum(value * value for value in vector))
    if not math.isfinite(length) or not length:
        raise NumbersBroken(found=str(length))
    return array("f", (value / length for value in vector))


def _cut(vector: "array[float]", most: int | None) -> "array[float]":
    """Its first numbers, scaled anew."""
    return vector if most is None or most >= len(vector) else _unit(vector[:most].tobytes())


def _told(vector: "array[float]", kind: str) -> list[float] | str:
    if kind == "float":
        return vector.tolist()
    return base64.b64encode(vector.tobytes()).decode("ascii")
