"""What disks were measured to give is kept for the next plan."""

from app.store.measured_disks import MeasuredDisks


def test_what_was_measured_is_kept_and_damage_costs_another_measurement(tmp_path, monkeypatch):
    asked, speeds = [], [5e8]
    monkeypatch.setattr(
        "app.store.measured_disks.file_bytes_per_s", lambda path: asked.append(path) or speeds[0]
    )
    file = tmp_path / "data" / "disks.json"
    disks = MeasuredDisks(file)
    assert disks.of(tmp_path) == disks.of(tmp_path) == 5e8
    assert len(asked) == 1
    assert MeasuredDisks(file).of(tmp_path) == 5e8
    assert len(asked) == 1
    file.write_text('{"x": -1}')
    speeds[0] = None
    assert MeasuredDisks(file).of(tmp_path) is None


def test_where_it_cannot_be_kept_a_disk_is_measured_once_all_the_same(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "app.store.measured_disks.file_bytes_per_s", lambda path: asked.append(path) or 5e8
    )
    (tmp_path / "data").write_text("no folder")
    disks = MeasuredDisks(tmp_path / "data" / "disks.json")
    assert disks.of(tmp_path) == disks.of(tmp_path) == 5e8
    assert len(asked) == 1
