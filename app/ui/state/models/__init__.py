"""Models as the window knows them: on this disk, on a hub, and how they fit this machine."""
