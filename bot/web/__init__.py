"""The dashboard: one page over the newest state, and the buttons that stop trading.

A thread of its own serves it. It reads immutable states that the loop leaves behind, and acts only through the kill
latch and the mailbox, the files that the command line uses too. So a slow, wedged or crashed page delays no order.
"""
