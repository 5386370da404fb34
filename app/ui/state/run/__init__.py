"""What the Run dialog and the device settings know, without one widget."""
