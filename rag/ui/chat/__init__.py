"""The conversation: what is asked and kept, and how an answer, its evidence and its briefs are shown."""
