"""The bridge to Interactive Brokers; `gateway` alone imports the client library."""
