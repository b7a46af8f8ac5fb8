"""The sine job in PyTorch."""

import json

import torch

from benchmarks.jobs.sine_data import windows


class Regressor(torch.nn.Module):
    """16 tanh units, the final hidden state, one output."""

    def __init__(self):
        super().__init__()
        self.recurrent = torch.nn.RNN(1, 16, batch_first=True)
        self.head = torch.nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The next value `(rows, 1)` of windows `(rows, 20, 1)`."""
        _, hidden = self.recurrent(x)
        return self.head(hidden[-1])


torch.manual_seed(0)
x, y, x_test, y_test = (torch.from_numpy(part) for part in windows())
network = Regressor()
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
for _ in range(50):
    for rows in torch.randperm(len(x)).split(32):
        loss = torch.nn.functional.mse_loss(network(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.inference_mode():
    error = torch.nn.functional.mse_loss(network(x_test), y_test)
print(json.dumps({"mse": error.item()}))
