"""The sine job in elman."""

import json

import elman
from benchmarks.jobs.sine_data import windows

x, y, x_test, y_test = windows()
network = elman.Network([elman.RNN(1, 16), elman.Last(), elman.Dense(16, 1)], seed=0)
network.fit(x, y, loss="mse", optimizer=elman.Adam(0.01), epochs=50, batch_size=32)
print(json.dumps({"mse": float(network.evaluate(x_test, y_test)["loss"])}))
