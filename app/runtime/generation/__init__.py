"""Generation: the engine, its sequences, prompts and sampling; knows no pipe."""
