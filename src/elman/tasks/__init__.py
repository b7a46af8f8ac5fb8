"""The tasks: estimators that wire the path of the data together, one subject a module."""
