"""The evaluation harness: datasets x systems x measures, with intervals.

`dataset` and `forms` read benchmarks, `systems` are what is measured, `run` asks, `scoring` scores one question,
`summary` makes tables of many, `report` shows them, `compare` tells two runs apart.
"""
