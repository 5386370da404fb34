"""Model hubs and how they are reached: addresses, tokens, proxies, requests, cached answers."""
