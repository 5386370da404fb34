"""``rookery serve`` refuses in words what it cannot do, before a model is loaded for it."""

from app.cli import run


def test_other_computers_need_a_key_and_a_key_file_has_one(tmp_path, capsys):
    empty = tmp_path / "key"
    empty.write_text(" \n")
    for words, said in (
        (["--host", "0.0.0.0"], "so it needs a key"),
        (["--api-key-file", str(empty)], 'no key in the file "key"'),
        (["--api-key-file", str(tmp_path / "none")], "There is nothing at"),
        (["--host", "no such host"], "cannot listen at"),
    ):
        key = ["--api-key", "x"] if words[-1] == "no such host" else []
        folder = ["--models-folder", str(tmp_path), "--port", "0"]
        assert run(["serve", *words, *key, *folder]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert said in printed.err
