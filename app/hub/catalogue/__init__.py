"""The models that can be downloaded, and what their names and sizes tell; uses no network."""
