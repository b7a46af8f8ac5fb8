// The walk in Keras's layout as operations of TensorFlow, registered through its C interface.
#pragma once

#include <string>

namespace elman {

// Registers the operations ElmanWalk and ElmanWalkGradient with the TensorFlow that this process
// has loaded from `library`, once. Throws Unavailable if it has no such interface.
void register_tensorflow(const std::string& library);

}  // namespace elman
