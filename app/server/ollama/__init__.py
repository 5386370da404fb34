"""The addresses below /api as programs that know Ollama ask them: lines of JSON."""
