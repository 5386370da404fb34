"""The playground: documents, an editor that a model writes into, and how it does."""
