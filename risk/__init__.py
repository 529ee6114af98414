"""Permits: the only place an intent can become an approved order."""
