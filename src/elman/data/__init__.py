"""From files and arrays to batches: panels of series, scaling, windows, batches."""
