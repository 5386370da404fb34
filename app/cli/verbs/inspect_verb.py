"""``rookery inspect``: what the header of a model file says; reads no weights."""

from argparse import Namespace
from pathlib import Path

from app.cli.output import print_json, print_rows
from app.messages.units import size
from app.runtime.checkpoint import open_checkpoint


def run(options: Namespace) -> int:
    """Print format, sizes and types.  Raises CheckpointError."""
    with open_checkpoint(Path(options.file)) as checkpoint:
        spec = checkpoint.spec
        facts = {
            "format": checkpoint.format,
            "dialect": checkpoint.dialect,
            "generation": spec.generation,
            "layers": spec.layers,
            "width": spec.width,
            "heads": spec.heads,
            "head_size": spec.head_size,
            "ffn_width": spec.ffn_width,
            "vocabulary": spec.vocabulary,
            "parameters": spec.parameters,
            "dtype": checkpoint.dtype,
            "bytes": checkpoint.bytes,
            "tokenizer": checkpoint.tokenizer_hint,
        }
    if options.json:
        print_json(facts)
    else:
        shown = facts | {
            "parameters": f"{spec.parameters:,}",
            "bytes": f"{checkpoint.bytes:,} ({size(checkpoint.bytes)})",
        }
        print_rows([(name, str(value)) for name, value in shown.items()])
    return 0
