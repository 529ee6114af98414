"""The campaign: seeds of simulated market time under faults by lot, judged by what the gateway and the disk know.

`python -m tests.campaign` runs it (docs/campaign.md). A seed names everything: world, fills, faults, moments.
"""
