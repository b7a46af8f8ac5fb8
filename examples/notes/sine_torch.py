"""The next value of a sine from the twenty before it: in PyTorch."""

import numpy as np
import torch
from torch import nn
from torch.nn import RNN  # or: from elman.torch import RNN


class Forecast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = RNN(input_size=1, hidden_size=16, batch_first=True)
        self.out = nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output, _ = self.rnn(x)
        return self.out(output[:, -1])


torch.manual_seed(0)
torch.set_num_threads(1)
windows = np.lib.stride_tricks.sliding_window_view(np.sin(np.linspace(0, 100, 500)), 21)
data = torch.tensor(windows.copy(), dtype=torch.float32)
x, y = data[:384, :20, None], data[:384, 20:]
model = Forecast()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(1, 31):
    for first in range(0, len(x), 32):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x[first : first + 32]), y[first : first + 32])
        loss.backward()
        optimizer.step()
    if epoch in (1, 2, 5, 30):
        print(f"epoch {epoch} loss {loss.item():.6f}")
