"""The strip at the window's foot, and the Status page: how busy the machine is, and benchmarks."""
