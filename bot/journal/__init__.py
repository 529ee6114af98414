"""The append-only record every decision can be re-made from."""
