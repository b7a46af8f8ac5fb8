"""Tell the length of a pendulum from a noisy record of its swing, and how far off that may be."""

import numpy as np

import elman
from elman.datasets.pendulums import pendulums

data = pendulums(400)
regressor = elman.SequenceRegressor(hidden_size=32, epochs=60, levels=(80,), seed=0)
regressor.fit(data.rows, data.labels)
for name, row in regressor.scores_["table"].items():
    print(f"{name}: off by {100 * row['mae']:.1f} cm on average")

strangers = pendulums(200, seed=1)
low, high = regressor.predict_interval(strangers.rows, 80).T
inside = (low <= strangers.labels) & (strangers.labels <= high)
print(f"{inside.mean():.0%} of 200 others lie inside their 80 % interval")

steps = np.abs(regressor.explain(strangers.rows)[0][:, 0])
print(f"the steps of the first that mattered most: {np.sort(np.argsort(-steps)[:5]) + 1}")
