"""Faults on command: every way in which the simulated gateway can be made to misbehave, one declared row each."""
