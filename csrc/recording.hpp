// Recordings: calls of the core, kept with their arguments and made again in one go.
//
// A training step on a small network is a dozen calls of microseconds each, and what surrounds
// them in Python takes as long. Its buffers are the same in every step of one shape, so the calls
// that the first step made can be made again as they were. While a recording is on, every function
// wrapped by `recordable` leaves a copy of its call there; what Python or NumPy do in between does
// not, so a stretch of code may be recorded only if it does nothing else to the arrays.
#pragma once

#include <nanobind/nanobind.h>

#include <functional>
#include <stdexcept>
#include <vector>

namespace elman {

namespace nb = nanobind;

// What the calls of a step report.
struct Report {
    double loss = 0.0, weight = 0.0, norm = 0.0;
};

class Recording {
  public:
    void start() {
        if (active()) throw std::logic_error("a recording is on already");
        calls_.clear();
        active() = this;
    }

    void stop() {
        if (active() == this) active() = nullptr;
    }

    ~Recording() { stop(); }

    void add(std::function<void(Report&)> call) { calls_.push_back(std::move(call)); }

    nb::tuple run() {
        if (active()) throw std::logic_error("a recording cannot run while one is on");
        Report report;
        for (const auto& call : calls_) call(report);
        return nb::make_tuple(report.loss, report.weight, report.norm);
    }

    size_t size() const { return calls_.size(); }

    // The recording that is on in this thread.
    static Recording*& active() {
        thread_local Recording* recording = nullptr;
        return recording;
    }

  private:
    std::vector<std::function<void(Report&)>> calls_;  // they hold references to their arrays
};

// A function that leaves its call in the recording that is on.
template <class... Arguments>
auto recordable(void (*function)(Arguments...)) {
    return [function](Arguments... arguments) {
        if (Recording* recording = Recording::active())
            recording->add([function, arguments...](Report&) { function(arguments...); });
        function(arguments...);
    };
}

// The same for a method; the recording keeps the object alive.
template <class Class, class... Arguments>
auto recordable(void (Class::*method)(Arguments...)) {
    return [method](Class& self, Arguments... arguments) {
        if (Recording* recording = Recording::active()) {
            const nb::object owner = nb::find(self);
            Class* const object = &self;
            recording->add([method, owner, object, arguments...](Report&) {
                (object->*method)(arguments...);
            });
        }
        (self.*method)(arguments...);
    };
}

}  // namespace elman
