// The walk in Keras's layout for programs that XLA has compiled, as JAX's are.
#pragma once

#include <nanobind/nanobind.h>

namespace elman {

void bind_xla(nanobind::module_& module);

}  // namespace elman
