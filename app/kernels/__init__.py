"""Arrays and the operations an RWKV is made of; knows nothing of files, processes or texts."""
