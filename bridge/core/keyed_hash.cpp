#include "core/keyed_hash.hpp"

#include <cstring>
#include <random>

#include "core/hash_key.hpp"

namespace zws {
namespace {

std::uint64_t drawn() {
  std::random_device device;
  return std::uint64_t{device()} << 32U | device();
}

HashKey process_key{0, 0};

std::uint64_t rotated(std::uint64_t word, unsigned bits) noexcept {
  return word << bits | word >> (64 - bits);
}

// Up to eight bytes; only on machines where the first is the lowest it is SipHash to the letter.
std::uint64_t word_of(const char* bytes, std::size_t size) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, size);
  return word;
}

struct State {
  std::uint64_t a, b, c, d;

  void round() noexcept {
    a += b;
    c += d;
    b = rotated(b, 13) ^ a;
    d = rotated(d, 16) ^ c;
    a = rotated(a, 32);
    c += b;
    a += d;
    b = rotated(b, 17) ^ c;
    d = rotated(d, 21) ^ a;
    c = rotated(c, 32);
  }

  void take(std::uint64_t word) noexcept {
    d ^= word;
    round();
    a ^= word;
  }
};

}  // namespace

std::uint64_t keyed_hash(std::string_view text, HashKey key) noexcept {
  State state{key.first ^ 0x736F6D6570736575, key.second ^ 0x646F72616E646F6D,
              key.first ^ 0x6C7967656E657261, key.second ^ 0x7465646279746573};
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) state.take(word_of(text.data() + at, 8));
  state.take(word_of(text.data() + at, text.size() - at) | std::uint64_t{text.size()} << 56U);
  state.c ^= 0xFF;
  for (int rounds = 0; rounds < 3; ++rounds) state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

std::uint64_t keyed_hash(std::string_view text) noexcept { return keyed_hash(text, process_key); }

void draw_hash_key() { process_key = {drawn(), drawn()}; }

}  // namespace zws
