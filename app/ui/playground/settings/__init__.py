"""How the model goes on with a document, as fields."""
