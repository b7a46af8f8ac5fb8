"""elman.keras.on_jax on two devices of the CPU; run as a process of its own. Prints JSON."""

from __future__ import annotations

import json
import os

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax_walks import operands, plan

from elman.keras.on_jax import run

assert jax.device_count() == 2
PLAN = plan("gru")
X, STATE, *WEIGHTS = operands(PLAN, batch=4, dtype="float32")


def loss(x, state, *weights):
    return sum(jnp.sin(one).sum() for one in run(PLAN, (x, state, *weights)))


def difference(found, expected):
    leaves = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    return max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in leaves)


alone = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2, 3, 4)))
expected = alone(X, STATE, *WEIGHTS)

mesh = Mesh(np.array(jax.devices()), ("rows",))
rows, whole = NamedSharding(mesh, PartitionSpec("rows")), NamedSharding(mesh, PartitionSpec())
placed = [jax.device_put(one, rows) for one in (X, STATE)]
placed += [jax.device_put(one, whole) for one in WEIGHTS]
sharded = alone(*placed)

halves = [one.reshape(2, 2, *one.shape[1:]) for one in (X, STATE)]
axes = (0, 0, None, None, None)
mapped = jax.pmap(jax.value_and_grad(loss, argnums=(0, 1, 2, 3, 4)), in_axes=axes)
values, gradients = mapped(*halves, *WEIGHTS)
joined = [np.asarray(one).reshape(4, *one.shape[2:]) for one in gradients[:2]]
joined += [np.asarray(one).sum(0) for one in gradients[2:]]

found = {
    "sharded": difference(sharded, expected),
    "pmap": difference((np.asarray(values).sum(), tuple(joined)), expected),
}
if hasattr(jax, "shard_map"):  # JAX 0.7 and later
    split, same = PartitionSpec("rows"), PartitionSpec()
    output = jax.shard_map(
        lambda *tensors: run(PLAN, tensors),
        mesh=mesh,
        in_specs=(split, split, same, same, same),
        out_specs=(split, split),
        check_vma=False,
    )
    of = jax.value_and_grad(
        lambda *tensors: sum(jnp.sin(one).sum() for one in output(*tensors)), argnums=range(5)
    )
    found["shard_map"] = difference(jax.jit(of)(X, STATE, *WEIGHTS), expected)
print(json.dumps(found))
