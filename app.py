"""Launches the Gradio chat over the index: `python app.py [--port N] [--host H] [--index DIR]`."""

from rag.cli import serve_main

if __name__ == "__main__":
    serve_main()
