"""The TWS socket protocol, sans I/O: framing, fields, requests in, messages out, one client's session."""
