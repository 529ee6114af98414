"""Acts: everything of the bot that touches the world (broker, disk, clock, terminal)."""

__version__ = "0.1.0"
