"""Conversations beyond their messages: their places in the list, their branches, personas."""
