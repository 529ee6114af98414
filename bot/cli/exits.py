"""Exit codes of the command line; stable, documented in docs/commands.md."""

OK = 0
FAILED = 1
USAGE = 2
HALTED = 3
BLIND = 4
NOT_RUNNING = 5
DIVERGED = 6
ALREADY_RUNNING = 7
BROKEN_STATE = 8
CONFIG = 78
