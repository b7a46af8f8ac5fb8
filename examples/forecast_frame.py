"""From a data frame to a calibrated forecast in a data frame, and to a saved model."""

import tempfile
from pathlib import Path

import elman

frame = elman.datasets.load("airline", kind="polars")

forecaster = elman.Forecaster(horizon=12, levels=(80, 95), verbose=True)
forecaster.fit(frame, target="passengers", time="month")
print(forecaster.predict())  # a polars frame, as a polars frame went in; pandas likewise
print("skill over the best simple forecast:", round(forecaster.score(), 2))

with tempfile.TemporaryDirectory() as folder:
    forecaster.save(Path(folder) / "model")
    again = elman.load(Path(folder) / "model")
    assert again.predict().equals(forecaster.predict())
