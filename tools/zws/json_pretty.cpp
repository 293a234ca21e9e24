#include "json_pretty.hpp"

#include <algorithm>

namespace zws::tool {
namespace {

constexpr std::size_t indent_max = 32;
constexpr std::string_view key_colour = "\x1b[34;1m";
constexpr std::string_view text_colour = "\x1b[32m";
constexpr std::string_view plain_colour = "\x1b[33m";  // numbers, true, false, null
constexpr std::string_view no_colour = "\x1b[0m";

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Printer {
 public:
  Printer(std::string_view json, bool colour) : json_(json), colour_(colour) {}

  std::string print() {
    while (skip_spaces()) token();
    return std::move(out_);
  }

 private:
  bool skip_spaces() noexcept {
    while (at_ < json_.size() && is_space(json_[at_])) ++at_;
    return at_ < json_.size();
  }

  void token() {
    const char c = json_[at_];
    switch (c) {
      case '{':
      case '[': return open(c);
      case '}':
      case ']': return close(c);
      case ',':
        out_ += c;
        ++at_;
        return line();
      case ':':
        out_ += ": ";
        ++at_;
        return;
      case '"': return text();
      default: return plain();
    }
  }

  void open(char c) {
    out_ += c;
    ++at_;
    if (skip_spaces() && (json_[at_] == '}' || json_[at_] == ']')) {
      out_ += json_[at_++];  // nothing in it: stays on one line
      return;
    }
    ++depth_;
    line();
  }

  void close(char c) {
    if (depth_ > 0) --depth_;
    line();
    out_ += c;
    ++at_;
  }

  void text() {
    const std::size_t begin = at_++;
    while (at_ < json_.size() && json_[at_] != '"') at_ += json_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_ + 1, json_.size());
    const std::string_view token = json_.substr(begin, at_ - begin);
    const bool key = skip_spaces() && json_[at_] == ':';
    coloured(key ? key_colour : text_colour, token);
  }

  void plain() {
    const std::size_t begin = at_;
    const auto ends = [](char c) {
      return is_space(c) || c == ',' || c == ':' || c == '}' || c == ']' || c == '{' || c == '[' ||
             c == '"';
    };
    while (at_ < json_.size() && !ends(json_[at_])) ++at_;
    coloured(plain_colour, json_.substr(begin, at_ - begin));
  }

  void coloured(std::string_view colour, std::string_view token) {
    if (colour_) out_ += colour;
    out_ += token;
    if (colour_) out_ += no_colour;
  }

  void line() { out_.append(1, '\n').append(2 * std::min(depth_, indent_max), ' '); }

  const std::string_view json_;
  const bool colour_;
  std::string out_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

std::string pretty_json(std::string_view json, bool colour) {
  return Printer(json, colour).print();
}

}  // namespace zws::tool
