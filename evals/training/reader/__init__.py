"""The reader's training: a cross-encoder that scores how well a sentence, seen in its context, answers a question."""
