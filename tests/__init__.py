"""The tests. A package of its own name, because an installed library calls its tests the same."""
