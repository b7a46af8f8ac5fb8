// What the core refuses with a message for a person; the bindings turn each into elman's own error.
#pragma once

#include <stdexcept>

namespace elman {

struct Unavailable : std::runtime_error {  // elman.errors.BackendUnavailable
    using std::runtime_error::runtime_error;
};

struct WrongInput : std::runtime_error {  // elman.errors.InputError
    using std::runtime_error::runtime_error;
};

}  // namespace elman
