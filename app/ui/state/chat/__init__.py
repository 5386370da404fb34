"""Conversations as the window knows them: the open one, its tree, the replies being written."""
