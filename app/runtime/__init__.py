"""Models, texts and processes; knows nothing of Qt, widgets or downloads."""
