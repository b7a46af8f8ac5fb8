"""Sixteen random sequences of two classes, learnt by heart: in Keras."""

import keras
import numpy as np
from keras.layers import SimpleRNN  # or: from elman.keras import SimpleRNN

keras.utils.set_random_seed(0)
generator = np.random.default_rng(0)
x, y = generator.normal(size=(16, 5, 10)).astype("float32"), generator.integers(0, 2, 16)
model = keras.Sequential(
    [keras.layers.Input((5, 10)), SimpleRNN(20), keras.layers.Dense(2, activation="softmax")]
)
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
history = model.fit(x, y, epochs=60, batch_size=16, shuffle=False, verbose=0)
for epoch in (1, 2, 5, 20, 60):
    print(f"epoch {epoch} loss {history.history['loss'][epoch - 1]:.6f}")
