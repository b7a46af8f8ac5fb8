"""How good would these forecasts have been? A rolling origin over the airline record."""

import elman

frame = elman.datasets.load("airline", kind="polars")
result = elman.Forecaster(horizon=12).backtest(
    frame, target="passengers", time="month", windows=3, step=12, refit=True
)
print(result.frame)
print(result.scores.verdict)
for name, row in result.scores.table.items():
    print(f"{name:15} MAE {row['mae']:6.1f}   MASE {row['mase']:.2f}")
for level, one in result.scores.intervals.items():
    print(f"{level} % interval: {100 * one['coverage']:.0f} % inside")
