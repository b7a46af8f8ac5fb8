// The memory of walks that other programs begin and end when they like.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "arrays.hpp"

namespace elman {

// Memory that no walk holds at the moment, so that a training step allocates none. It is touched
// only under the interpreter's lock, like the blocks.
template <class T>
class Pool {
  public:
    std::unique_ptr<Memory<T>> take() {
        if (free_.empty()) return std::make_unique<Memory<T>>();
        std::unique_ptr<Memory<T>> memory = std::move(free_.back());
        free_.pop_back();
        return memory;
    }

    void give(std::unique_ptr<Memory<T>> memory) { free_.push_back(std::move(memory)); }

  private:
    std::vector<std::unique_ptr<Memory<T>>> free_;
};

// What forward keeps for a backward pass, which replaces it.
//
// A compiled graph can carry nothing but tensors from forward to backward. So a block has a mark, a
// few bytes that a tensor may show and keep alive: whoever has the mark finds the block. A copy of
// the mark finds none; whoever has it must walk forward again.
template <class T>
class Block {
  public:
    explicit Block(std::shared_ptr<Pool<T>> pool) : pool_(std::move(pool)), memory_(pool_->take()) {
        living()[mark_] = this;
    }
    ~Block() {
        living().erase(mark_);
        if (memory_) pool_->give(std::move(memory_));
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    static Block* marked(const int8_t* mark) {
        const auto found = living().find(mark);
        return found == living().end() ? nullptr : found->second;
    }

    T* reserve(int64_t elements) {
        elements_ = elements;
        return data_ = memory_->reserve(elements);
    }

    // A forward pass has filled it.
    void fill() { full_ = true; }

    // Whether its memory, which forward filled, is for this backward pass: only one may have it, and
    // none of another level or other sizes.
    bool claim(const std::shared_ptr<Pool<T>>& pool, int64_t elements) {
        if (!full_ || pool != pool_ || elements != elements_) return false;
        full_ = false;
        return true;
    }

    T* data() const { return data_; }

    void give_back() { pool_->give(std::move(memory_)); }

    int8_t* mark() { return mark_; }

    static constexpr size_t mark_bytes = 8;

  private:
    static auto& living() {
        static auto& all = *new std::unordered_map<const int8_t*, Block*>;  // they may outlive statics
        return all;
    }

    int8_t mark_[mark_bytes] = {};
    const std::shared_ptr<Pool<T>> pool_;
    std::unique_ptr<Memory<T>> memory_;
    T* data_ = nullptr;
    int64_t elements_ = 0;
    bool full_ = false;
};

}  // namespace elman
