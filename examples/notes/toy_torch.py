"""Sixteen random sequences of two classes, learnt by heart: in PyTorch."""

import torch
from torch import nn
from torch.nn import RNN  # or: from elman.torch import RNN


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = RNN(input_size=10, hidden_size=20, batch_first=True)
        self.out = nn.Linear(20, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output, _ = self.rnn(x)
        return self.out(output[:, -1])


torch.manual_seed(0)
torch.set_num_threads(1)
x, y = torch.randn(16, 5, 10), torch.randint(0, 2, (16,))
model = Classifier()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(1, 101):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch in (1, 2, 5, 20, 100):
        print(f"epoch {epoch} loss {loss.item():.6f}")
