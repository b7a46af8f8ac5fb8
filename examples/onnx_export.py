"""A classifier for another program: one ONNX file that reads raw values, with its certificate."""

import numpy as np
import onnxruntime

import elman

rng = np.random.default_rng(0)
X, y = [], []
for row in range(120):  # a machine's temperature over 20 to 40 steps, in degrees
    steps = np.arange(rng.integers(20, 41))
    drift = 0.1 if row % 2 else 0.0
    X.append(70 + drift * steps + rng.standard_normal(len(steps)))
    y.append("warming" if row % 2 else "steady")

classifier = elman.SequenceClassifier(seed=0).fit(X, y)
certificate = classifier.to_onnx("machine.onnx")
print(f"largest difference: {certificate['largest_absolute_difference']:.1e}")

session = onnxruntime.InferenceSession("machine.onnx")  # elman is not needed from here on
for values in X[:2]:
    label, chances = session.run(["label", "probabilities"], {"x": values[None, :, None]})
    print(label[0], chances.round(3)[0])
