"""A comparison in a file: JSON has all of it, CSV a line for each cell, Markdown a table."""

import csv
import io
import json

from app.comparison.grid_export import as_csv, as_json, as_markdown, export
from app.runtime.protocol.prompts import Sampling
from app.store.comparisons.comparison_records import (
    Answer,
    Comparison,
    Divergence,
    Figures,
    Grid,
    ModelRun,
    OpenedComparison,
    Place,
    TokenDifference,
)
from app.store.documents.document_records import WritingSettings
from app.store.records import Reply

GRID = Grid(
    start="Say: ",
    prompts=("a | b", "=1+1\nand more"),
    settings=(WritingSettings(sampling=Sampling(temperature=0.5), limit=7),),
    seeds=(3,),
    ways=(ModelRun("/m/one.pth", "cpu fp32", "One"), ModelRun("/m/one.pth", "cpu int4", "One")),
)
FIGURES = Figures(tokens=2, mean_kl=0.5, max_kl=1.0, top1_agreement=0.5)
TOLD = Divergence(
    first=Place(0, 0),
    second=Place(0, 1),
    figures=FIGURES,
    tokens=(TokenDifference(65, "A"), TokenDifference(66, "B", 0.5, -1.0, -2.0, "B", "C", False)),
)
FOUND = OpenedComparison(
    Comparison(id="1", title="Say *it*", created=1_800_000_000.0, grid=GRID),
    {
        Place(0, 0): Answer(text="x | y\nz", ids=(1, 2), reply=Reply(reason="end", tokens=2)),
        Place(1, 1): Answer(text="", reply=Reply(failure="worker-died", failure_facts={})),
    },
    (TOLD,),
)


def test_json_has_everything():
    told = json.loads(as_json(FOUND))
    assert told["title"] == "Say *it*"
    assert [cell["text"] for cell in told["cells"]] == ["x | y\nz", ""]
    assert told["cells"][0]["ids"] == [1, 2]
    assert told["cells"][0]["prompt"] == "Say: a | b"
    assert "process" in told["cells"][1]["failure"]
    assert told["divergences"][0]["mean_kl"] == 0.5
    assert told["divergences"][0]["per_token"][1]["second_best"] == "C"


def test_csv_comes_back_as_it_was_written():
    rows = list(csv.DictReader(io.StringIO(as_csv(FOUND).decode("utf-8-sig"), newline="")))
    assert [row["text"] for row in rows] == ["x | y\nz", ""]
    assert rows[0]["temperature"] == "0.5"
    assert rows[1]["prompt"] == "Say: =1+1\nand more"
    assert (rows[1]["row"], rows[1]["way"], rows[1]["strategy"]) == ("1", "1", "cpu int4")


def test_markdown_is_one_table_whose_cells_mean_their_letters(tmp_path):
    text = as_markdown(FOUND).decode()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert "x \\| y<br>z" in lines[2]
    assert {line.replace("\\|", "").count("|") for line in lines} == {4}
    assert "mean_kl 0.500000" in text
    for name, beginning in (("a.md", b"#"), ("a.CSV", b"\xef\xbb\xbf"), ("a.json", b"{")):
        export(tmp_path / name, FOUND)
        assert (tmp_path / name).read_bytes().startswith(beginning)
