// Marks: positions of the bridge's own, which `at` holds for a topic that nothing is known of.
//
// A mark says when its client began to listen: "LIFE-TIME:0". The client brings it back as it brings
// back any position, and the bridge sees whether something of the topic has been forgotten since.
// Another life of the bridge, or another bridge, cannot read it, and there it proves nothing.
//
// Thread: any; nothing changes after the construction.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include "core/clock.hpp"
#include "core/position.hpp"

namespace zws {

class Marks {
 public:
  Marks() {
    std::random_device device;
    constexpr char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::uniform_int_distribution<std::size_t> pick(0, sizeof digits - 2);
    for (int i = 0; i < 10; ++i) life_ += digits[pick(device)];
    life_ += '-';
    // How long the machine has been up is nobody's business.
    offset_ns_ = std::uniform_int_distribution<std::int64_t>(0, time_max_ns)(device);
  }

  Position at(SteadyTime now) const {
    return {life_ + std::to_string(nanoseconds(now) + offset_ns_), 0};
  }

  // When it was given; nothing if it is not one of this life's.
  std::optional<SteadyTime> read(const Position& position) const noexcept {
    const std::string& text = position.source;
    if (position.seq != 0 || text.compare(0, life_.size(), life_) != 0) return std::nullopt;
    std::int64_t time = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, fault] = std::from_chars(text.data() + life_.size(), end, time);
    if (fault != std::errc{} || stopped != end) return std::nullopt;
    time -= offset_ns_;
    if (time < 0 || time > time_max_ns) return std::nullopt;  // somebody made it up
    return SteadyTime(std::chrono::nanoseconds(time));
  }

 private:
  static constexpr std::int64_t time_max_ns = std::int64_t{1} << 60;  // 36 years

  static std::int64_t nanoseconds(SteadyTime time) noexcept {
    return std::chrono::nanoseconds(time.time_since_epoch()).count();
  }

  std::string life_;
  std::int64_t offset_ns_ = 0;
};

}  // namespace zws
