"""The sections of the configuration: their keys, and what each means. `Config` holds them all."""
