"""What models write beside each other, as state and signals; no widget in sight."""
