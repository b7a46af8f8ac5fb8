"""Benchmarks of elman beside the frameworks it is compared with; see `run.py`."""
