"""Reads a model's parts from a checkpoint to where a strategy wants them."""

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

from app.kernels import Ops
from app.runtime.planning.segments import Place, Segment
from app.runtime.planning.strategy import Strategy

from .layers import Layers, ResidentLayers, Sublayer
from .scope import Scope, Tensors
from .segment_runner import Embedding, Head, SegmentRunner
from .streamed_weights import StreamedWeights, streamed_weights

Progress = Callable[[int, int], None]


class Assembly:
    """Builds the parts in the order of the layers, each tensor in its final type and place.

    ``ops`` are those of each device; ``progress`` is told (layers done, layers).
    """

    def __init__(
        self,
        checkpoint: Tensors,
        ops: Mapping[str, Ops],
        time_mix: type[Sublayer],
        channel_mix: type[Sublayer],
        progress: Progress | None = None,
    ) -> None:
        self._checkpoint, self._ops = checkpoint, ops
        self._halves = time_mix, channel_mix
        self._progress: Progress = progress or (lambda *_: None)
        self._streamed: dict[str, StreamedWeights | None] = {}

    def runners(self, strategy: Strategy) -> list[SegmentRunner]:
        """A runner for each device that follows another one; a single one if all lie together."""
        way = strategy.resolved(self._checkpoint.spec.layers)
        parts: list[Place | Segment] = [way.embedding_place, *way.segments, way.head_place]
        runs = [(device, list(run)) for device, run in groupby(parts, lambda part: part.device)]
        self._streamed = {one: streamed_weights(way, one, self._root) for one in way.devices}
        made = []
        for i, (device, run) in enumerate(runs):
            embedding = self._embedding(way.embedding_place) if i == 0 else None
            layers = [self._layers(one) for one in run if isinstance(one, Segment)]
            later = (part for _, others in runs[i + 1 :] for part in others)
            made.append(
                SegmentRunner(
                    device,
                    self._ops[device],
                    layers,
                    embedding=embedding,
                    head=self._head(way.head_place) if i + 1 == len(runs) else None,
                    more=any(isinstance(part, Segment) for part in later),
                    streamed=self._streamed[device],
                )
            )
        return made

    def _embedding(self, place: Place) -> Embedding:
        root, streamed = self._root(place), self._streamed[place.device]
        rows = streamed.table() if streamed is not None else None
        table = root.embedding() if rows is None else rows
        made = Embedding(table, (root / "blocks" / 0).pair("ln0"))
        self._progress(0, self._checkpoint.spec.layers)
        return made

    def _layers(self, segment: Segment) -> Layers:
        """How the segment's residency wants its weights to be had."""
        blocks = list(self._blocks(segment))
        streamed = self._streamed[segment.device]
        if streamed is None or segment.residency == "resident":
            return ResidentLayers(blocks)
        return streamed.layers(blocks)

    def _blocks(self, segment: Segment) -> Iterator[tuple[Sublayer, Sublayer]]:
        spec, root = self._checkpoint.spec, self._root(segment.place)
        assert segment.first is not None
        assert segment.layers is not None
        time_mix, channel_mix = self._halves
        streamed = self._streamed[segment.device]
        for index in range(segment.first, segment.first + segment.layers):
            at = root / "blocks" / index
            if segment.residency != "resident" and streamed is not None:
                at = streamed.layer(index)
            yield time_mix(at, spec), channel_mix(at, spec)
            self._progress(index + 1, spec.layers)

    def _head(self, place: Place) -> Head:
        root, streamed = self._root(place), self._streamed[place.device]
        apart = streamed is not None and streamed.has_head
        return Head(root.pair("ln_out"), streamed.head() if streamed and apart else root.head())

    def _root(self, place: Place) -> Scope:
        return Scope(self._checkpoint, self._ops[place.device], place.format)
