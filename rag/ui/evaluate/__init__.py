"""The tab of evaluations: kept reports, their tables, charts and failures."""
