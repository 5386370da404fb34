"""Predictions beside measurements as a table, by a real worker."""

import torch

from bench.plans import Pair, main
from tests.runtime.small_models import small_file


def test_a_table_has_a_row_for_each_model_and_format(tmp_path, capsys):
    file = small_file(tmp_path, dtype=torch.bfloat16)
    assert main([str(file), "--formats", "int8", "--runs", "1"]) == 0
    head, rule, row, empty, foot = capsys.readouterr().out.splitlines()
    assert head.count("|") == rule.count("|") == row.count("|") == 12
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:2] == ["small", "int8"]
    assert all(cells[at].endswith("MB") for at in (2, 3))
    assert all(float(cells[at]) > 0 for at in (5, 6, 8, 9))
    assert all(cells[at].endswith("%") for at in (4, 7, 10))
    assert empty == ""
    assert "medians of 1" in foot


def test_what_is_off_is_the_predictions_share():
    assert (Pair(100.0, 110.0).off, Pair(100.0, 80.0).off) == ("+10.0%", "-20.0%")
