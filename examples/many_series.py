"""Several series in one long table, with a covariate that is known ahead."""

import numpy as np
import polars as pl

import elman

generator = np.random.default_rng(0)
days = pl.date_range(pl.date(2023, 1, 2), pl.date(2024, 2, 4), eager=True)
shops = []
for number, name in enumerate(("north", "south", "west")):
    open_hours = np.where(days.dt.weekday() == 7, 0.0, 10.0)  # closed on Sundays
    sales = (20 + 5 * number) * open_hours / 10 * (1 + 0.1 * generator.standard_normal(len(days)))
    shops.append(pl.DataFrame({"shop": name, "day": days, "sales": sales, "hours": open_hours}))
table = pl.concat(shops)

# Of the last week only the opening hours are known.
past = table.with_columns(
    pl.when(pl.col("day") < pl.date(2024, 1, 29)).then("sales").alias("sales")
)

forecaster = elman.Forecaster(horizon=7, epochs=8)
forecaster.fit(past, target="sales", time="day", id="shop", future="hours")
forecast = forecaster.predict()
print(forecast)

truth = table.filter(pl.col("day") >= pl.date(2024, 1, 29))
error = (forecast["sales"] - truth["sales"]).abs().mean()
print("mean absolute error:", round(error, 2))
print(forecaster.scores_.verdict)
