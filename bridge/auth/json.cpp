#include "auth/json.hpp"

#include <jansson.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <new>
#include <string>
#include <utility>

namespace zws {
namespace {

// Looks for members that are named twice, among those at some paths. It is shown brackets, commas and
// strings in their order; text that is no JSON is the parser's affair.
class Doubles {
 public:
  explicit Doubles(const std::vector<std::string>& paths) : paths_(paths) {}

  bool found() const noexcept { return found_; }

  void open(bool object) {
    const bool inside = !levels_.empty() && levels_.back().watched;
    const std::string path = inside ? levels_.back().member + '.' : "";
    const bool watched = object && (levels_.empty() || (inside && leads_on(path)));
    levels_.push_back({watched, true, path, {}, {}});
  }

  void close() {
    if (!levels_.empty()) levels_.pop_back();
  }

  void comma() {
    if (!levels_.empty()) levels_.back().names = true;
  }

  // `text` with its quotes.
  void string(std::string_view text) {
    if (levels_.empty() || !levels_.back().watched) return;
    Level& level = levels_.back();
    if (!std::exchange(level.names, false)) return;
    level.member = level.path + decoded(text);
    if (!is_read(level.member)) return;
    const auto same = std::find(level.read.begin(), level.read.end(), level.member);
    found_ = found_ || same != level.read.end();
    level.read.push_back(level.member);
  }

 private:
  struct Level {
    bool watched;        // an object that members are read of
    bool names;          // the next string is a name
    std::string path;    // with a dot behind it
    std::string member;  // the path of the one that is being shown
    std::vector<std::string> read;
  };

  bool leads_on(const std::string& path) const {
    return std::any_of(paths_.begin(), paths_.end(), [&](const std::string& one) {
      return one.compare(0, path.size(), path) == 0;
    });
  }

  bool is_read(const std::string& member) const {
    return leads_on(member + '.') ||
           std::find(paths_.begin(), paths_.end(), member) != paths_.end();
  }

  // Empty for what jansson cannot hold: nothing of ours has such a name.
  static std::string decoded(std::string_view text) {
    if (text.find('\\') == std::string_view::npos)
      return std::string(text.substr(1, std::max<std::size_t>(text.size(), 2) - 2));
    const Json name(json_loadb(text.data(), text.size(), JSON_DECODE_ANY, nullptr));
    if (!json_is_string(name.get())) return {};
    return {json_string_value(name.get()), json_string_length(name.get())};
  }

  const std::vector<std::string>& paths_;
  std::vector<Level> levels_;
  bool found_ = false;
};

// One pass over the text before the parser has it: how deep it is nested, and a tame copy of what
// jansson refuses although it is JSON, so that claims of others cannot make a good token bad.
class Taming {
 public:
  explicit Taming(std::string_view text, Doubles* doubles = nullptr) noexcept
      : text_(text), doubles_(doubles) {}

  // Whether the text may be parsed at all.
  bool run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        const std::size_t begin = at_;
        string();
        if (doubles_) doubles_->string(text_.substr(begin, at_ - begin));
      } else if (c == '-' || is_digit(c)) {
        number();
      } else {
        if ((c == '{' || c == '[') && ++depth_ > json_depth_max) return false;
        if (c == '}' || c == ']') --depth_;
        if (doubles_) show(c);
        ++at_;
      }
    }
    return true;
  }

  std::string_view result() {
    if (copied_ == 0) return text_;
    copy_.append(text_.substr(copied_));
    return copy_;
  }

 private:
  void show(char c) {
    if (c == '{' || c == '[') doubles_->open(c == '{');
    if (c == '}' || c == ']') doubles_->close();
    if (c == ',') doubles_->comma();
  }

  static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

  void replace(std::size_t begin, std::size_t end, std::string_view by) {
    copy_.append(text_.substr(copied_, begin - copied_)).append(by);
    copied_ = end;
  }

  // The code unit of the \uXXXX at `at`; -1 if there is none.
  int code_unit(std::size_t at) const noexcept {
    if (at + 6 > text_.size() || text_[at] != '\\' || text_[at + 1] != 'u') return -1;
    int unit = 0;
    const char* const end = text_.data() + at + 6;
    const auto [rest, fault] = std::from_chars(end - 4, end, unit, 16);
    return fault == std::errc{} && rest == end && unit >= 0 ? unit : -1;
  }

  // NUL and halves of surrogate pairs become U+0001: nothing of ours may hold that, either.
  void string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"';) {
      if (text_[at_] != '\\') {
        ++at_;
        continue;
      }
      const int unit = code_unit(at_);
      const int next = unit < 0 ? -1 : code_unit(at_ + 6);
      if (unit >= 0xD800 && unit < 0xDC00 && next >= 0xDC00 && next < 0xE000) {
        at_ += 12;
      } else if (unit == 0 || (unit >= 0xD800 && unit < 0xE000)) {
        replace(at_, at_ + 6, "\\u0001");
        at_ += 6;
      } else {
        at_ += 2;
      }
    }
    ++at_;
  }

  // An integer beyond 64 bits becomes its text, what no double holds `true`: neither is a time.
  void number() {
    const std::size_t begin = at_;
    const auto digits = [&] {
      const std::size_t first = at_;
      while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
      return at_ > first;
    };
    const auto skip = [&](std::string_view any) {
      const bool is = at_ < text_.size() && any.find(text_[at_]) != std::string_view::npos;
      at_ += is ? 1 : 0;
      return is;
    };
    skip("-");
    const std::size_t first = at_;
    bool good = digits() && (text_[first] != '0' || at_ == first + 1);
    bool integer = true;
    if (skip(".")) {
      integer = false;
      good = digits() && good;
    }
    if (skip("eE")) {
      integer = false;
      skip("+-");
      good = digits() && good;
    }
    if (!good) return;  // the parser says so
    const std::string_view text = text_.substr(begin, at_ - begin);
    if (integer && !fits<std::int64_t>(text))
      replace(begin, at_, '"' + std::string(text) + '"');
    else if (!integer && !fits<double>(text))
      replace(begin, at_, "true");
  }

  template <typename Number>
  static bool fits(std::string_view text) noexcept {
    Number number{};
    return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{};
  }

  const std::string_view text_;
  Doubles* const doubles_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::size_t copied_ = 0;
  std::string copy_;
};

}  // namespace

void JsonRelease::operator()(json_t* json) const noexcept { json_decref(json); }

namespace {

Json parsed(std::string_view text, std::size_t flags = JSON_REJECT_DUPLICATES) noexcept {
  Json json(json_loadb(text.data(), text.size(), flags, nullptr));
  return json_is_object(json.get()) ? std::move(json) : nullptr;
}

}  // namespace

Json parse_json_object(std::string_view text) noexcept try {
  return Taming(text).run() ? parsed(text) : nullptr;
} catch (const std::bad_alloc&) {
  return nullptr;
}

Json parse_of_others(std::string_view text) noexcept try {
  Taming taming(text);
  return taming.run() ? parsed(taming.result()) : nullptr;
} catch (const std::bad_alloc&) {
  return nullptr;
}

Json parse_claims(std::string_view text, const std::vector<std::string>& paths) noexcept try {
  Doubles doubles(paths);
  Taming taming(text, &doubles);
  return taming.run() && !doubles.found() ? parsed(taming.result(), 0) : nullptr;
} catch (const std::bad_alloc&) {
  return nullptr;
}

}  // namespace zws
