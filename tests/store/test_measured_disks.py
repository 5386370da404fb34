"""What disks were measured to give is kept for the next plan."""

from app.store.measured_disks import MeasuredDisks


def test_what_was_measured_is_kept_and_damage_costs_another_measurement(tmp_path, monkeypatch):
    asked, speeds = [], [5e8]
    monkeypatch.setattr(
        "app.store.measured_disks.file_bytes_per_s", lambda path: asked.append(path) or speeds[0]
    )
    disks = MeasuredDisks(tmp_path / "data" / "disks.json")
    assert disks.of(tmp_path) == disks.of(tmp_path) == 5e8
    assert len(asked) == 1
    (tmp_path / "data" / "disks.json").write_text('{"x": -1}')
    speeds[0] = None
    assert disks.of(tmp_path) is None
