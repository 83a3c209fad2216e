"""What an index costs as it grows: time to fill, bytes on disk, memory, and milliseconds of each kind of query.

    python -m evals.bench.scale --chunks 10000 --places local
    python -m evals.bench.scale --chunks 10000 30000 100000 --places servers --json figures.json

`local` is one folder; `servers` are a PostgreSQL and a Chroma server that the benchmark starts on this machine and
deletes at the end. Texts are generated, and vectors are made of their words in no time: what the embedding model adds
is measured apart, on real chunks. Linux only: memory is read from /proc.
"""
