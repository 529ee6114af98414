"""`condor doctor`: looks at everything that has kept such bots from working, and says what to do about it."""
