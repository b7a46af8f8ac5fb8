"""A recurrent network in the place of a simulation: a damped oscillator driven by a force."""

import numpy as np

import elman
from elman.datasets.systems import oscillator

# Sixty simulations (Runge-Kutta), each of its own frequency and damping, under its own force.
runs = oscillator(trajectories=60, steps=200, dt=0.1, seed=0)
emulator = elman.Emulator(hidden_size=32, epochs=150, seed=0).fit(runs)
for name, row in emulator.scores_["table"].items():
    print(f"{name}: right for {row['valid_time']:.1f} time units on held-out runs")

# An oscillator that it has not seen: 20 steps of history, then 150 on its own output.
new = oscillator(trajectories=1, steps=170, dt=0.1, seed=99)
history, truth = new.states[0][:20], new.states[0][20:]
free = emulator.rollout(history, 150, forcing=new.forcing[0], parameters=new.parameters[0])
error = np.sqrt(np.mean((free - truth) ** 2)) / truth.std()
print(f"error of 150 free steps, over the deviation: {error:.3f}")
