"""Data and scripts around the evaluation of geobrief: datasets, benchmarks, training."""
