"""The Run dialog: how a model is to run on this machine, chosen and begun."""
