"""The model that decides whether a sentence is another account of what a question asks."""
