// The keys of the random numbers: of a pass's seed and a row, and of one of the row's streams.
#pragma once

#include <cstdint>

namespace elman {

constexpr uint64_t golden_64 = 0x9E3779B97F4A7C15u;
constexpr uint32_t golden_32 = 0x9E3779B9u;

// The finaliser of SplitMix64.
inline uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

inline uint64_t row_key(uint64_t seed, int64_t row) { return mix(seed + uint64_t(row + 1) * golden_64); }

inline uint64_t stream_key(uint64_t row_key, int64_t stream) {
    return mix(row_key + uint64_t(stream + 1) * golden_64);
}

}  // namespace elman
