"""From a request to tokens: the engine, its texts, prompts and sampling; knows no pipe."""
