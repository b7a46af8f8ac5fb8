"""The next value of a sine from the twenty before it: in Keras."""

import keras
import numpy as np
from keras.layers import SimpleRNN  # or: from elman.keras import SimpleRNN

keras.utils.set_random_seed(0)
windows = np.lib.stride_tricks.sliding_window_view(np.sin(np.linspace(0, 100, 500)), 21)
x, y = windows[:384, :20, None].astype("float32"), windows[:384, 20:].astype("float32")
model = keras.Sequential([keras.layers.Input((20, 1)), SimpleRNN(16), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.01), "mse")
history = model.fit(x, y, epochs=20, batch_size=32, shuffle=False, verbose=0)
for epoch in (1, 2, 5, 20):
    print(f"epoch {epoch} loss {history.history['loss'][epoch - 1]:.6f}")
