"""The pure engine: facts in, next state and actions out; the same for live, simulated and replayed runs."""
