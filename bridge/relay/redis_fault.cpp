#include "relay/redis_fault.hpp"

#include <hiredis/hiredis.h>

#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::string_view hidden = "***";

bool is_of_a_word(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '-';
}

// Whether `size` bytes at `at` are no part of a longer word.
bool is_whole_word(std::string_view text, std::size_t at, std::size_t size) noexcept {
  return (at == 0 || !is_of_a_word(text[at - 1])) &&
         (at + size == text.size() || !is_of_a_word(text[at + size]));
}

void hide(std::string& text, std::string_view secret, bool within_words) {
  if (secret.empty()) return;
  std::size_t at = 0;
  while ((at = text.find(secret, at)) != std::string::npos) {
    if (!within_words && !is_whole_word(text, at, secret.size())) {
      ++at;
      continue;
    }
    text.replace(at, secret.size(), hidden);
    at += hidden.size();
  }
}

}  // namespace

std::string RedisFault::shown(std::string_view text) const {
  std::string fit(text.substr(0, text.find(", with args")));
  hide(fit, password_, true);
  hide(fit, user_, false);  // a name may be part of any word
  return log::escaped(fit, text_max);
}

std::string RedisFault::shown(const redisReply& answer) const {
  return shown(answer.str == nullptr ? std::string_view{}
                                     : std::string_view(answer.str, answer.len));
}

}  // namespace zws
