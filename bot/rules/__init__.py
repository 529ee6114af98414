"""The catalogue of rules: what each means, where it comes from, where it is decided, what proves it."""
