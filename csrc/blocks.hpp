// The memory of walks that other programs begin and end when they like.
#pragma once

#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "arrays.hpp"

namespace elman {

// Memory that no walk holds at the moment, so that a training step allocates none: of all levels
// together no more than a few hundred megabytes, what was given back last. It is touched only under
// the interpreter's lock, like the blocks.
template <class T>
class Pool {
  public:
    using Owner = std::shared_ptr<const char>;

    // What this owner gave back last, or new memory; never one that is far too large.
    static std::unique_ptr<Memory<T>> take(const Owner& owner, int64_t elements) {
        Pool& pool = shared();
        for (auto one = pool.free_.rbegin(); one != pool.free_.rend(); ++one) {
            if (one->owner != owner.get() || one->memory->bytes() > most_for(elements)) continue;
            std::unique_ptr<Memory<T>> memory = std::move(one->memory);
            pool.bytes_ -= memory->bytes();
            pool.free_.erase(std::next(one).base());
            return memory;
        }
        return std::make_unique<Memory<T>>();
    }

    static void give(const Owner& owner, std::unique_ptr<Memory<T>> memory) {
        Pool& pool = shared();
        pool.bytes_ += memory->bytes();
        pool.free_.push_back({owner.get(), std::move(memory)});
        while (pool.bytes_ > most_bytes) {
            pool.bytes_ -= pool.free_.front().memory->bytes();
            pool.free_.pop_front();
        }
    }

    static int64_t bytes() { return shared().bytes_; }

    static constexpr int64_t most_bytes = int64_t(256) << 20;

  private:
    struct Free {
        const void* owner;
        std::unique_ptr<Memory<T>> memory;
    };

    static int64_t most_for(int64_t elements) {
        return 4 * elements * int64_t(sizeof(T)) + (int64_t(1) << 20);
    }

    static Pool& shared() {
        static Pool& one = *new Pool;  // blocks may outlive statics
        return one;
    }

    std::deque<Free> free_;  // what was given back last stands last
    int64_t bytes_ = 0;
};

// What forward keeps for a backward pass, which replaces it.
//
// A compiled graph can carry nothing but tensors from forward to backward. So a block has a mark, a
// few bytes that a tensor may show and keep alive: whoever has the mark finds the block. A copy of
// the mark finds none; whoever has it must walk forward again.
template <class T>
class Block {
  public:
    Block(typename Pool<T>::Owner owner, int64_t elements)
        : owner_(std::move(owner)),
          elements_(elements),
          memory_(Pool<T>::take(owner_, elements)),
          data_(memory_->reserve(elements)) {
        living()[mark_] = this;
    }
    ~Block() {
        living().erase(mark_);
        give_back();
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    static Block* marked(const int8_t* mark) {
        const auto found = living().find(mark);
        return found == living().end() ? nullptr : found->second;
    }

    // A forward pass has filled it.
    void fill() { full_ = true; }

    // Whether its memory, which forward filled, is for this backward pass: only one may have it, and
    // none of another level or other sizes.
    bool claim(const typename Pool<T>::Owner& owner, int64_t elements) {
        if (!full_ || owner != owner_ || elements != elements_) return false;
        full_ = false;
        return true;
    }

    T* data() const { return data_; }

    void give_back() {
        if (memory_) Pool<T>::give(owner_, std::move(memory_));
    }

    int8_t* mark() { return mark_; }

    static constexpr size_t mark_bytes = 8;

  private:
    static auto& living() {
        static auto& all = *new std::unordered_map<const int8_t*, Block*>;  // they may outlive statics
        return all;
    }

    int8_t mark_[mark_bytes] = {};
    const typename Pool<T>::Owner owner_;
    const int64_t elements_;
    std::unique_ptr<Memory<T>> memory_;
    T* const data_;
    bool full_ = false;
};

}  // namespace elman
