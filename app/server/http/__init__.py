"""How requests come in and answers go out; knows no model."""
