"""Learn what is normal of a pump, then find its faults: as a batch, and step by step."""

import elman
from elman.datasets.faults import load_faulty

pump = load_faulty("pump")  # three sensors every ten minutes; the first 20 days are normal
values = pump.panel.series(0)

watcher = elman.SequenceAutoencoder(window=64, false_alarm=0.01, seed=0)
watcher.fit([values[: pump.normal]])
print(f"{watcher.score([values[: pump.normal]]):.0%} of the variance is given back")

for odd in watcher.detect([values]):
    if odd.start >= pump.normal and odd.score > 2 * watcher.threshold_.value:
        print(f"steps {odd.start} to {odd.end - 1} look odd, most of all {odd.peak}")

stream = watcher.stream()  # the same scores, in bounded memory
alarms = [told.step for row in values[:3200] for told in stream.update(row) if told.alarm]
first, end, fault = pump.faults[0]
near = [step for step in alarms if first - 64 <= step < end + 64]
print(f"{fault} at step {first}: the stream gave {len(near)} alarms around it")
assert first in near
