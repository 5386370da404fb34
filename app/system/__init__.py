"""The operating system alone: processes, files, locks, memory, GPUs; knows no model."""
