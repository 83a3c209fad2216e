"""The answer service over HTTP: questions, briefs, checks and evaluations for programs.

`rag.service.app.create_app` makes the application, `geobrief serve` mounts it beside the chat.
"""
