"""A comparison in words: its ways, lines and answers, how far it is; decides nothing."""

import math

from app.messages.translate import tr, tr_n
from app.messages.units import speed, whole
from app.store.comparisons.comparison_records import MOST_ROWS, Answer, Figures, Grid, ModelRun, Row
from app.store.documents.document_records import WritingSettings
from app.ui.state.models.model_names import plain_way
from app.ui.state.playground.writing_templates import fitting_preset

from .divergence_reading import ReadingPosition
from .grid_controller import GridController, Stage

_HEAD_LETTERS = 120
_LEAST_KL = 1e-5


def way_in_words(way: ModelRun) -> str:
    """``G1 0.4B · 4-bit on CPU``."""
    return f"{way.name} · {plain_way(way.strategy)}"


def cell_titles(grid: Grid) -> list[str]:
    """Of each way what tells it from the others: where all are one model, how it runs."""
    if len({(way.name, way.path) for way in grid.ways}) > 1:
        return [way_in_words(way) for way in grid.ways]
    return [plain_way(way.strategy) for way in grid.ways]


def settings_in_words(settings: WritingSettings) -> str:
    """The name of the preset that they are, else their temperature and top-p; and the limit."""
    fitting = fitting_preset(settings)
    sampling = settings.sampling
    if fitting is not None:
        said = fitting.title
    elif sampling is None:
        said = tr("Recommended")
    else:
        heat = tr("temperature {}").format(f"{sampling.temperature:g}")
        said = f"{heat} · " + tr("top-p {}").format(f"{sampling.top_p:g}")
    return f"{said} · " + tr_n("{} token", "{} tokens", settings.limit).format(settings.limit)


def row_in_words(grid: Grid, row: Row) -> tuple[str, str]:
    """The prompt of a line, where there are several, and what else tells it from others."""
    prompt = " ".join(grid.prompts[row.prompt].split()) if grid.prompts else ""
    if len(prompt) > _HEAD_LETTERS:
        prompt = prompt[:_HEAD_LETTERS].rstrip() + "…"
    seed = tr("seed {}").format(row.seed)
    return prompt, f"{settings_in_words(grid.settings[row.settings])} · {seed}"


def extent_in_words(grid: Grid) -> str:
    """How much there is to be written, or why nothing can be."""
    rows, ways = len(grid.rows), len(grid.ways)
    if not ways:
        return tr("Add a model to begin.")
    if not rows:
        return tr("Write at least one seed.")
    if rows > MOST_ROWS:
        return tr("That is {} lines; {} is the most. Take some away.").format(rows, MOST_ROWS)
    return tr_n("{} answer", "{} answers", rows * ways).format(rows * ways)


def progress_in_words(controller: GridController) -> str:
    """What is done now; "" where nothing is."""
    if not controller.running:
        return ""
    position, ways = controller.position, controller.grid.ways
    name = way_in_words(ways[position.way]) if position.way < len(ways) else ""
    if controller.stage is Stage.LOOKING:
        said = tr("looking for room")
    elif controller.stage is Stage.OPENING and position.total:
        said = tr("opening it, layer {} of {}").format(position.done, position.total)
    elif controller.stage is Stage.OPENING:
        said = tr("opening it")
    else:
        done = len(controller.answers)
        said = tr("writing; {} of {} answers are there").format(done, len(controller.grid.places))
    return f"{name}: {said}"


def reading_in_words(position: ReadingPosition | None, grid: Grid) -> str:
    """How far the reading of a text by two models is; "" where nothing is read."""
    if position is None:
        return ""
    at = position.pair[position.side or 0].way
    if position.side is not None:
        said = tr("opening {}").format(way_in_words(grid.ways[at]))
    else:
        said = tr("reading token {} of {}").format(whole(position.done), whole(position.total))
    if position.pairs < 2:
        return said
    return tr("{} of {}: {}").format(position.number, position.pairs, said)


def answer_in_words(answer: Answer) -> str:
    """The line below an answer: how long it is, how it ended, how fast it was."""
    reply = answer.reply
    ends = {
        "end": tr("the model has ended it"),
        "stop": tr("ended at a stop text"),
        "limit": tr("limit reached"),
        "stopped": tr("stopped"),
        "blocked": tr("bans left nothing"),
    }
    said = []
    if reply.tokens:
        said.append(tr_n("{} token", "{} tokens", reply.tokens).format(whole(reply.tokens)))
    said.append(ends.get(reply.reason, ""))
    if reply.tokens_per_s:
        said.append(speed(reply.tokens_per_s))
    return " · ".join(filter(None, said))


def figures_in_words(figures: Figures) -> str:
    """``KL 0.0123 · 97 % the same best token``."""
    share = f"{100 * figures.top1_agreement:.1f}"
    return tr("KL {} · {} % the same best token").format(kl_in_words(figures.mean_kl), share)


def kl_in_words(kl: float) -> str:
    """A divergence in nats, with two figures that count."""
    if 0 < kl < _LEAST_KL:
        return tr("under 0.00001")
    decimals = max(2, 1 - math.floor(math.log10(kl))) if kl else 1
    return f"{kl:.{decimals}f}"


def pair_in_words(first: ModelRun, second: ModelRun) -> str:
    """Two ways that stand against each other; what they have in common is said once."""
    if (first.name, first.path) != (second.name, second.path):
        said = tr("{first} against {second}")
        return said.format(first=way_in_words(first), second=way_in_words(second))
    ways = (plain_way(one.strategy) for one in (first, second))
    said = tr("{name}: {first} against {second}")
    return said.format(name=first.name, **dict(zip(("first", "second"), ways, strict=True)))


def failure_title(controller: GridController, way: int) -> str:
    """What a failure has happened to."""
    ways = controller.grid.ways
    return way_in_words(ways[way]) if way < len(ways) else ""
