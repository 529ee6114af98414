"""The catalogue of risk controls: what each demands, where it is done, and what proves it."""
