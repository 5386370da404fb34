"""What models there are to download, and what their names and sizes tell; asks nobody."""
