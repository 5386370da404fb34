"""Graphics cards of other makers are named from what the system shows."""

from app.system.other_gpus import named_in_sysfs, without_nvidia


def card(drm, name, vendor, product=""):
    device = drm / name / "device"
    device.mkdir(parents=True)
    (device / "vendor").write_text(f"{vendor}\n")
    if product:
        (device / "product_name").write_text(f"{product}\n")


def test_linux_tells_the_maker_and_where_the_driver_knows_it_the_product(tmp_path):
    card(tmp_path, "card0", "0x8086")
    card(tmp_path, "card1", "0x1002", "Radeon RX 6600")
    card(tmp_path, "card2", "0x10de")  # NVIDIA's, which the driver's library tells better
    (tmp_path / "card1-HDMI-A-1").mkdir()
    (tmp_path / "renderD128").mkdir()
    assert named_in_sysfs(tmp_path) == ("Intel", "AMD Radeon RX 6600")


def test_where_nothing_is_shown_nothing_is_named(tmp_path):
    assert named_in_sysfs(tmp_path / "missing") == ()


def test_windows_lists_cards_that_are_none_and_some_twice():
    listed = ["NVIDIA GeForce RTX 4060", "Intel(R) UHD Graphics", "Microsoft Basic Display Adapter"]
    assert without_nvidia([*listed, "Intel(R) UHD Graphics", ""]) == ("Intel(R) UHD Graphics",)
