"""The sine job, the same in each framework, each a program of its own.

500 points of a sine wave on [0, 100], windows of 20, split 80/20 in time (384 windows to train
on), a tanh layer of 16 units and a dense output, Adam at 0.01, 50 epochs in batches of 32, then
the test error, printed as JSON.
"""
