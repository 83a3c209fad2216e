"""`python -m rag` is `geobrief`."""

from rag.cli import main

if __name__ == "__main__":
    main()
