"""Files of torch.save: the zip archive, its pickle read as data, and the tensors in it."""
