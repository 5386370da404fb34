"""The addresses below /v1 as OpenAI's libraries ask them."""
