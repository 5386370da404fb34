"""What the status strip and the Status page know, without one widget."""
