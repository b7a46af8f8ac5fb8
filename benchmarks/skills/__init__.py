"""What elman reaches on data: one module for each, listed in `benchmarks.skill.MODULES`.

A module has `run(options) -> dict | None` (None where its data are absent, said in a word),
`tables(content) -> list[Table]`, and in what it returns `"goals"`: for the overview, one entry for
each thing that must be reached, made by `common.goal`.
"""
