"""Acts: everything of the bot that touches the world (broker, disk, clock, terminal)."""
