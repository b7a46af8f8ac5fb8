"""The sine job in Keras."""

import json

import keras

from benchmarks.jobs.sine_data import windows

keras.utils.set_random_seed(0)
x, y, x_test, y_test = windows()
network = keras.Sequential(
    [keras.Input((20, 1)), keras.layers.SimpleRNN(16), keras.layers.Dense(1)]
)
network.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
network.fit(x, y, batch_size=32, epochs=50, verbose=0)
print(json.dumps({"mse": float(network.evaluate(x_test, y_test, verbose=0))}))
