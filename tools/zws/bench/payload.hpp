// Payload: the JSON object that every measured event carries, with its numbers at fixed places.
//
//   {"type":"bench","k":"00000042","n":"00000017","t":"0000123456789012","pad":"....."}
//
// k: number of the topic. n: number of the event on its topic, from 0. t: when it was due, in
// nanoseconds since the run's start (CLOCK_MONOTONIC). A bridge adds its members at the end, so the
// receiver reads all three without parsing JSON.
// Thread: any.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace zws::tool {

struct Stamp {
  std::uint32_t topic = 0;
  std::uint32_t number = 0;
  std::int64_t due_ns = 0;
};

class Payload {
 public:
  static constexpr std::string_view start = R"({"type":"bench","k":")";
  static constexpr std::size_t topic_at = start.size();
  static constexpr std::size_t number_at = topic_at + 8 + 7;  // 8 digits and `","n":"`
  static constexpr std::size_t due_at = number_at + 8 + 7;
  static constexpr std::size_t smallest = 96;

  // size: bytes of the whole object, at least `smallest`.
  explicit Payload(std::size_t size) {
    text_ = R"({"type":"bench","k":"00000000","n":"00000000","t":"0000000000000000","pad":")";
    text_.append(size - text_.size() - 2, '.');
    text_ += "\"}";
  }

  std::string_view with(const Stamp& stamp) noexcept {
    write_digits(topic_at, 8, stamp.topic);
    write_digits(number_at, 8, stamp.number);
    write_digits(due_at, 16, static_cast<std::uint64_t>(stamp.due_ns));
    return text_;
  }

  // Whether `message` is a measured event; only then read() may be called.
  static bool is(std::string_view message) noexcept {
    static_assert(start.size() == 21, "compared in three words");
    return message.size() >= smallest && same_word(message, 0) && same_word(message, 8) &&
           same_word(message, start.size() - 8);
  }

  static Stamp read(std::string_view event) noexcept {
    const char* text = event.data();
    return {static_cast<std::uint32_t>(eight_digits(text + topic_at)),
            static_cast<std::uint32_t>(eight_digits(text + number_at)),
            static_cast<std::int64_t>(eight_digits(text + due_at) * 100'000'000 +
                                      eight_digits(text + due_at + 8))};
  }

 private:
  static bool same_word(std::string_view message, std::size_t at) noexcept {
    std::uint64_t one;
    std::uint64_t other;
    std::memcpy(&one, message.data() + at, 8);
    std::memcpy(&other, start.data() + at, 8);
    return one == other;
  }

  void write_digits(std::size_t at, int digits, std::uint64_t value) noexcept {
    for (int i = digits - 1; i >= 0; --i, value /= 10) {
      text_[at + static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
    }
  }

  // Eight digits at once: pairs, then fours, then the whole, in one register.
  static std::uint64_t eight_digits(const char* text) noexcept {
    std::uint64_t value;
    std::memcpy(&value, text, 8);
    value -= 0x3030303030303030;
    value = value * 10 + (value >> 8);
    return ((value & 0x000000FF000000FF) * 0x000F424000000064 +
            ((value >> 16) & 0x000000FF000000FF) * 0x0000271000000001) >>
           32;
  }

  std::string text_;
};

}  // namespace zws::tool
