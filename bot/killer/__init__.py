"""The killer: a process of its own, with its own connection, that cancels everything when the latch is engaged.

It shares nothing with the bot but the latch file, the heartbeat file and the module that speaks to the gateway: it
works while the bot hangs, is stopped or is gone. It never places, changes or closes anything.
"""
