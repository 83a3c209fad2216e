"""The head of the reader: small logistic models over all signals, which order units and say how surely they answer."""
