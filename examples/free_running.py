"""A dynamical system, learnt one step ahead and then run free on its own output."""

import numpy as np

import elman

# The Lotka-Volterra cycle of prey and predator, by small Euler steps.
state, orbit = np.array([1.0, 0.5]), []
for _ in range(6000):
    prey, predator = state
    state = state + 0.01 * np.array([prey - prey * predator, prey * predator - predator])
    orbit.append(state)
orbit = np.array(orbit)[::20]

forecaster = elman.Forecaster(
    horizon=40, window=60, strategy="recursive", hidden_size=32, epochs=100, season=None, folds=2
)
forecaster.fit(orbit[:260], wide="targets")
free = forecaster.predict()
print("error over 40 free steps:", float(np.abs(free - orbit[260:300]).mean()))
