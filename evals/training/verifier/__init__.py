"""Training data of the verifier's cross-encoder: claims beside the spans that support them or do not."""
