"""The kinds of measurement; each file has `run(options) -> records`."""
