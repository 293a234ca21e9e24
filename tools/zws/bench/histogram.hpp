// Histogram: how often each duration occurred, within 0.8 % of its size, in constant memory.
//
// Buckets are linear within each power of two (128 of them). Values are nanoseconds; below 0 counts
// as 0, above 2^42 (73 minutes) as that.
// Thread: one. Cost of record(): one increment.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace zws::tool {

class Histogram {
 public:
  Histogram() : counts_(bucket_of(longest) + 1) {}

  void record(std::int64_t nanoseconds) noexcept {
    const auto value = std::clamp<std::int64_t>(nanoseconds, 0, longest);
    ++counts_[bucket_of(static_cast<std::uint64_t>(value))];
    ++count_;
    sum_ += static_cast<double>(value);
    max_ = std::max(max_, value);
  }

  void add(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
  }

  // The duration that the share `quantile` (0 to 1) of all does not exceed; 0 when there are none.
  std::int64_t at(double quantile) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(quantile * static_cast<double>(count_));
    std::uint64_t passed = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      passed += counts_[i];
      if (counts_[i] != 0 && (passed > wanted || passed == count_))
        return std::min(end_of(i), max_);
    }
    return 0;
  }

  std::uint64_t count() const noexcept { return count_; }
  std::int64_t max() const noexcept { return max_; }
  double mean() const noexcept { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

 private:
  static constexpr int linear_bits = 7;
  static constexpr std::uint64_t linear = std::uint64_t{1} << linear_bits;
  static constexpr std::int64_t longest = std::int64_t{1} << 42;

  static std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < linear) return value;
    const int shift = 63 - __builtin_clzll(value) - linear_bits;
    return static_cast<std::size_t>(shift) * linear + (value >> shift);
  }

  // The largest value that falls into bucket i.
  static std::int64_t end_of(std::size_t i) noexcept {
    if (i < 2 * linear) return static_cast<std::int64_t>(i);
    const std::size_t shift = i / linear - 1;
    return static_cast<std::int64_t>(((i - shift * linear + 1) << shift) - 1);
  }

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  std::int64_t max_ = 0;
};

}  // namespace zws::tool
