"""Model hubs and the way to them: addresses, tokens, proxies, requests, kept answers."""
