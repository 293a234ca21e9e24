#include "exchange/payload.hpp"

#include <simdjson.h>

#include <cstring>
#include <optional>

#include "core/topic.hpp"

namespace zws {
namespace {

namespace dom = simdjson::dom;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// The end of the JSON number at `at`, or `at` if there is none (RFC 8259, section 6).
std::size_t number_end(std::string_view text, std::size_t at) noexcept {
  std::size_t i = at;
  const auto digits = [&] {
    const std::size_t begin = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - begin;
  };
  const auto take = [&](char c) { return i < text.size() && text[i] == c && (++i, true); };
  take('-');
  if (!take('0') && digits() == 0) return at;
  if (take('.') && digits() == 0) return at;
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (digits() == 0) return at;
  }
  return i < text.size() && (is_digit(text[i]) || text[i] == '.') ? at : i;
}

bool is_surrogate_escape(std::string_view text, std::size_t at) noexcept {
  if (at + 6 > text.size() || text[at + 1] != 'u') return false;
  if (text[at + 2] != 'd' && text[at + 2] != 'D') return false;
  for (std::size_t i = 3; i < 6; ++i) {
    if (std::strchr("0123456789abcdefABCDEF", text[at + i]) == nullptr) return false;
  }
  return std::strchr("89abcdefABCDEF", text[at + 3]) != nullptr;
}

// Replaces, byte for byte, what is valid JSON but more than simdjson takes: every number by 0 and
// blanks, every surrogate escape by two noncharacters. The structure stays what it was.
void tame(char* text, std::size_t size) {
  const std::string_view view(text, size);
  bool in_string = false;
  for (std::size_t i = 0; i < size; ++i) {
    if (in_string) {
      if (text[i] == '\\') {
        if (is_surrogate_escape(view, i)) std::memcpy(text + i, "\xEF\xB7\x90\xEF\xB7\x91", 6);
        ++i;
      } else if (text[i] == '"') {
        in_string = false;
      }
    } else if (text[i] == '"') {
      in_string = true;
    } else if (text[i] == '-' || is_digit(text[i])) {
      const std::size_t end = number_end(view, i);
      if (end == i) return;  // not a number: simdjson will refuse it again
      text[i] = '0';
      std::memset(text + i + 1, ' ', end - i - 1);
      i = end - 1;
    }
  }
}

// Whether simdjson's complaint may be about what is valid JSON and more than it takes. Told by what it
// cannot be, since later releases have more names for it (Debian 13: one for integers beyond 64 bits).
bool may_be_too_strict(simdjson::error_code fault) noexcept {
  switch (fault) {
    case simdjson::SUCCESS:
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
    case simdjson::TAPE_ERROR:
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR:
    case simdjson::UTF8_ERROR:
    case simdjson::EMPTY:
    case simdjson::UNESCAPED_CHARS:
    case simdjson::UNCLOSED_STRING: return false;
    default: return true;
  }
}

// The value of an object's member, counted from 0, as it stands there. The object is valid JSON.
std::string_view value_at(std::string_view object, std::size_t place) noexcept {
  std::size_t depth = 0;
  std::size_t begin = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < object.size(); ++i) {
    const char c = object[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == ':') {
      if (depth == 1 && place-- == 0) begin = i + 1;
    } else if (c == '}' || c == ']' || c == ',') {
      if (depth == 1 && begin != 0) return object.substr(begin, i - begin);
      if (c != ',') --depth;
    }
  }
  return {};
}

// A string's content, if Unicode has it; of everything else the bytes without the blanks between them.
void read_key(dom::parser& parser, std::string_view value, std::string& key) {
  std::string_view content;
  if (parser.parse(value.data(), value.size()).get(content) == simdjson::SUCCESS) {
    key = content;
    return;
  }
  key.resize(value.size());
  std::size_t size = key.size();
  if (simdjson::minify(value.data(), value.size(), key.data(), size) != simdjson::SUCCESS) size = 0;
  key.resize(size);
}

bool starts_with_bom(std::string_view text) noexcept { return text.substr(0, 3) == "\xEF\xBB\xBF"; }

}  // namespace

struct PayloadReader::Parsers {
  dom::parser usual;
};

PayloadReader::PayloadReader() : parsers_(std::make_unique<Parsers>()) {}
PayloadReader::~PayloadReader() = default;

PayloadFacts PayloadReader::read(std::string_view payload, std::string_view topic,
                                 std::string_view key_member) {
  PayloadFacts facts;
  key_.clear();
  padded_.resize(payload.size() + simdjson::SIMDJSON_PADDING);
  if (!payload.empty()) std::memcpy(padded_.data(), payload.data(), payload.size());
  std::memset(padded_.data() + payload.size(), 0, simdjson::SIMDJSON_PADDING);

  dom::element root;
  dom::parser deep;  // only for what is nested deeper than simdjson's usual bound
  dom::parser* parser = &parsers_->usual;
  auto fault = starts_with_bom(payload)
                   ? simdjson::TAPE_ERROR
                   : parser->parse(padded_.data(), payload.size(), false).get(root);
  const bool is_tamed = may_be_too_strict(fault);
  if (is_tamed) {
    if (fault == simdjson::DEPTH_ERROR) {
      parser = &deep;
      if (deep.allocate(payload.size(), payload.size()) != simdjson::SUCCESS)
        throw std::bad_alloc();
    }
    tame(padded_.data(), payload.size());
    fault = parser->parse(padded_.data(), payload.size(), false).get(root);
  }
  if (fault != simdjson::SUCCESS) {
    facts.kind = fault != simdjson::UTF8_ERROR && is_utf8_payload(payload) ? PayloadKind::text
                                                                           : PayloadKind::bytes;
    return facts;
  }

  facts.kind = PayloadKind::json;
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS) return facts;
  bool typed = false;
  std::size_t place = 0;
  std::optional<std::size_t> key_place;  // of a key that is to be read from the payload's own bytes
  for (const auto member : object) {
    if (member.key == "type") typed = member.value.is_string();
    if (member.key == "topic") {
      std::string_view own;
      const bool same = member.value.get(own) == simdjson::SUCCESS && own == topic;
      facts.topic = same ? TopicMember::same : TopicMember::different;
    }
    if (member.key == "@topic") facts.names_at_topic = true;
    if (!key_member.empty() && member.key == key_member) {
      std::string_view content;
      const bool is_content = !is_tamed && member.value.get(content) == simdjson::SUCCESS;
      key_place = is_content ? std::nullopt : std::optional(place);
      key_ = content;
    }
    ++place;
  }
  if (key_place) read_key(parsers_->usual, value_at(payload, *key_place), key_);
  if (!key_member.empty()) facts.key = key_;
  if (typed) facts.kind = PayloadKind::typed_object;
  return facts;
}

bool is_utf8_payload(std::string_view text) noexcept {
  return simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace zws
