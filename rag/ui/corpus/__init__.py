"""The tab of the corpus: list, charts and briefs to read, and what changes them."""
