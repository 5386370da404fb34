"""The sentences about documents that are attached or read."""
