"""One adapter per framework, all with the same four functions.

`build(case, weights)` makes the model, the optimizer and the data of a training case;
`train_steps(model, count)` runs that many optimizer steps, gathering each batch from the whole
data in a fresh random order per epoch; `forward(model)` and `gradients(model)` answer for the
first batch, in float64 NumPy arrays under PyTorch's parameter names, so that any two peers can
be compared from the same weights.
"""
