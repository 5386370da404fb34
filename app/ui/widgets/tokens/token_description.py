"""What is told of one token in words: its text, id, bytes, and how likely it was."""

from app.messages.translate import tr
from app.ui.state.playground.scored_text import ScoredText
from app.ui.state.playground.token_cells import TokenCells

from .chance_scale import percent

_LONGEST = 40


def written(piece: bytes) -> str:
    """A token's bytes as they can be read: its text in quotes, or the bytes themselves."""
    if not piece:
        return tr("no text")
    try:
        text = piece.decode("utf-8")
    except UnicodeDecodeError:
        return hex_of(piece)
    shown = text.replace("\n", "↵").replace("\t", "⇥")
    shown = "".join(c if c.isprintable() else "▯" for c in shown)
    return f"“{shown[:_LONGEST]}…”" if len(shown) > _LONGEST else f"“{shown}”"


def hex_of(piece: bytes) -> str:
    """Bytes in hexadecimal, two digits each; the middle of many is left out."""
    if len(piece) > _LONGEST // 2:
        return f"{piece[:8].hex(' ')} … {piece[-8:].hex(' ')}"
    return piece.hex(" ").upper()


def identity_of(cells: TokenCells, token: int) -> str:
    """The place of a token, its id and its bytes, and which part of a character it is."""
    piece = cells.bytes_of(token)
    told = [
        tr("Token {place}").format(place=token + 1),
        tr("id {id}").format(id=cells.ids[token]),
    ]
    if piece:
        told.append(tr("bytes {bytes}").format(bytes=hex_of(piece)))
    cell = cells.cell_of(token)
    if cell >= 0 and token in (tokens := cells.tokens(cell)) and len(tokens) > 1:
        part = tr("part {part} of {parts} of {text}")
        text = cells.text(*cells.span(cell))
        told.append(part.format(part=token - tokens[0] + 1, parts=len(tokens), text=text))
    return " · ".join(told)


def chance_of(scored: ScoredText, token: int) -> str:
    """How likely a token was; nothing where that is not known."""
    chance = scored.probability(token)
    return "" if chance is None else percent(chance)


def likelihood_of(scored: ScoredText, token: int) -> str:
    """How likely a token was, its rank, and how open its place was."""
    if scored.probability(token) is None:
        return tr("Nothing is known of it")
    return " · ".join((chance_of(scored, token), *openness_of(scored, token)))


def openness_of(scored: ScoredText, token: int) -> list[str]:
    """The rank of a token, and how open its place was."""
    told = []
    rank, entropy = scored.numbers.rank(token), scored.numbers.entropy(token)
    if rank is not None:
        told.append(tr("rank {rank}").format(rank=f"{rank:,}"))
    if entropy is not None:
        told.append(tr("entropy {nats} nats").format(nats=f"{entropy:.2f}"))
    return told


def description_of(scored: ScoredText, token: int) -> str:
    """Two or three lines for the mouse."""
    cells = scored.cells
    if not 0 <= token < len(cells):
        return ""
    first = written(cells.bytes_of(token))
    return "\n".join((first, identity_of(cells, token), likelihood_of(scored, token)))
