"""Configuration: layered TOML, environment and command line, refused whole with every error named."""
