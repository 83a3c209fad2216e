"""Scripts that make what the reader is packaged with: its background table and its weights."""
