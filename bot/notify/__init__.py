"""Alerts to people: what is told, how loudly, how often, through which channels, and who answered.

A watcher of the runner: it hears each journaled step and reads facts and outcomes, nothing else. Sending happens in a
process of its own, behind a bounded queue. Nothing here can delay or stop trading; the one thing that comes back is
the fact that nobody answered.
"""
