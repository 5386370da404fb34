"""The text of documents and folders, taken apart in a process of its own; knows no model."""
