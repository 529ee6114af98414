"""The vocabulary: facts, instruments, orders and books as immutable values."""
