// The aligned memory that the workspaces own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>

namespace elman {

// When set, memory is filled with NaN each time it is reserved: a kernel that reads what nobody
// wrote is found out by the tests.
inline std::atomic<bool> poison{false};

// Grow-only aligned memory.
template <class T>
class Memory {
  public:
    Memory() = default;
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() { release(); }

    T* reserve(int64_t elements) {
        if (elements > capacity_) {
            release();
            data_ = static_cast<T*>(::operator new(size_t(elements) * sizeof(T), alignment));
            capacity_ = elements;
        }
        if (poison.load(std::memory_order_relaxed))
            for (int64_t i = 0; i < capacity_; ++i) data_[i] = std::numeric_limits<T>::quiet_NaN();
        return data_;
    }

    int64_t bytes() const { return capacity_ * int64_t(sizeof(T)); }

  private:
    static constexpr std::align_val_t alignment{64};

    void release() {
        if (data_) ::operator delete(data_, alignment);
        data_ = nullptr;  // for should the allocation that follows fail
        capacity_ = 0;
    }

    T* data_ = nullptr;
    int64_t capacity_ = 0;
};

// Parts of one block, one after the other, each in cache lines of its own if the block begins with
// one. Without a block they are only counted.
template <class T>
class Parts {
  public:
    explicit Parts(T* block = nullptr) : block_(block) {}

    T* take(int64_t count) {
        T* const part = block_ ? block_ + elements_ : nullptr;
        elements_ += (count + line - 1) / line * line;
        return part;
    }

    int64_t elements() const { return elements_; }

    static constexpr int64_t line = 64 / int64_t(sizeof(T));

  private:
    T* block_;
    int64_t elements_ = 0;
};

}  // namespace elman
