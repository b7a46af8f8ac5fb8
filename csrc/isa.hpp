// Which instruction sets this build has, which this processor can run, and which one is in use.
#pragma once

#include <string>
#include <vector>

#include "kernels.hpp"

namespace elman {

std::vector<std::string> available_isas();  // best last
const Kernels& kernels();                   // throws Unavailable if ELMAN_ISA names none
const CellKernels& cell_kernels(const std::string& name);  // throws std::invalid_argument

}  // namespace elman
