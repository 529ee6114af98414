"""Decides: pure decision logic over the facts it is shown."""
