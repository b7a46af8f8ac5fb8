"""A sine wave, forecast one step ahead by sixteen recurrent units."""

import numpy as np

import elman

wave = np.sin(np.linspace(0, 100, 500)).astype(np.float32)
windows = np.lib.stride_tricks.sliding_window_view(wave, 21)
X, y = windows[:, :20, None], windows[:, 20:]
cut = int(0.8 * len(X))  # split in time: train on the past, test on what comes after

network = elman.Network([elman.RNN(1, 16), elman.Last(), elman.Dense(16, 1)], seed=0)
network.fit(X[:cut], y[:cut], loss="mse", optimizer=elman.Adam(0.01), epochs=50, batch_size=32)
print("test:", network.evaluate(X[cut:], y[cut:]))
print(
    "next:", float(network.predict(wave[None, -20:, None])[0, 0]), "truth:", np.sin(100 * 500 / 499)
)
