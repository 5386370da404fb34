"""The window: Qt widgets over plain objects; meets the engine only through its client."""
