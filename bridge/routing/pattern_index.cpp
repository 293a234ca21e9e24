#include "routing/pattern_index.hpp"

#include <algorithm>
#include <functional>

namespace zws {
namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

template <typename Value>
using TextMap = tsl::hopscotch_map<std::string, Value, TextHash, std::equal_to<>>;

// The first segment of `text` with the separator that ends it, if one does.
std::string_view first_step(std::string_view text) noexcept {
  const auto end = std::find_if(text.begin(), text.end(), is_separator);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()) + (end != text.end() ? 1 : 0));
}

bool ends_in_separator(std::string_view step) noexcept {
  return !step.empty() && is_separator(step.back());
}

std::size_t slot_of(char separator) noexcept {
  return separator == '.' ? 0 : separator == ':' ? 1 : 2;
}

}  // namespace

// A place at the start of a segment, reached by the steps before it.
struct PatternIndex::Node {
  TextMap<std::unique_ptr<Node>> next;       // by "segment" + separator
  std::array<std::unique_ptr<Node>, 3> any;  // by '*' + separator
  TextMap<std::unique_ptr<Audience>> ends;   // patterns that end in this last segment
  TextMap<std::unique_ptr<Audience>> tails;  // patterns that end in this text and '*'
  std::vector<std::pair<std::size_t, std::size_t>> tail_sizes;  // distinct sizes, how many of each

  bool empty() const noexcept {
    return next.empty() && ends.empty() && tails.empty() && !any[0] && !any[1] && !any[2];
  }
};

namespace {

void count_size(std::vector<std::pair<std::size_t, std::size_t>>& sizes, std::size_t size,
                bool added) {
  const auto known =
      std::find_if(sizes.begin(), sizes.end(), [&](const auto& s) { return s.first == size; });
  if (known == sizes.end()) {
    sizes.emplace_back(size, 1);
  } else if (added) {
    ++known->second;
  } else if (--known->second == 0) {
    sizes.erase(known);
  }
}

}  // namespace

PatternIndex::PatternIndex() : root_(std::make_unique<Node>()) {}
PatternIndex::~PatternIndex() = default;

Audience& PatternIndex::add(const Pattern& pattern) {
  Node* node = root_.get();
  std::string_view rest = pattern.text();
  for (std::string_view step = first_step(rest); ends_in_separator(step); step = first_step(rest)) {
    auto& child = step.size() == 2 && step[0] == '*' ? node->any[slot_of(step[1])]
                                                     : node->next[std::string(step)];
    if (!child) child = std::make_unique<Node>();
    node = child.get();
    rest.remove_prefix(step.size());
  }
  const bool tail = !rest.empty() && rest.back() == '*';
  if (tail) rest.remove_suffix(1);
  auto& audience = tail ? node->tails[std::string(rest)] : node->ends[std::string(rest)];
  if (!audience) {
    audience = std::make_unique<Audience>(pattern);
    if (tail) count_size(node->tail_sizes, rest.size(), true);
    ++size_;
  }
  return *audience;
}

Audience* PatternIndex::find(const Pattern& pattern) noexcept {
  Node* node = root_.get();
  std::string_view rest = pattern.text();
  for (std::string_view step = first_step(rest); ends_in_separator(step); step = first_step(rest)) {
    if (step.size() == 2 && step[0] == '*') {
      node = node->any[slot_of(step[1])].get();
    } else {
      const auto child = node->next.find(step);
      node = child == node->next.end() ? nullptr : child->second.get();
    }
    if (node == nullptr) return nullptr;
    rest.remove_prefix(step.size());
  }
  const bool tail = !rest.empty() && rest.back() == '*';
  if (tail) rest.remove_suffix(1);
  const auto& map = tail ? node->tails : node->ends;
  const auto found = map.find(rest);
  return found == map.end() ? nullptr : found->second.get();
}

void PatternIndex::remove(const Pattern& pattern) noexcept {
  // The way down is kept so that emptied nodes go with the pattern.
  std::vector<std::pair<Node*, std::string_view>> way;
  Node* node = root_.get();
  std::string_view rest = pattern.text();
  for (std::string_view step = first_step(rest); ends_in_separator(step); step = first_step(rest)) {
    way.emplace_back(node, step);
    node = step.size() == 2 && step[0] == '*' ? node->any[slot_of(step[1])].get()
                                              : node->next.find(step)->second.get();
    rest.remove_prefix(step.size());
  }
  const bool tail = !rest.empty() && rest.back() == '*';
  if (tail) rest.remove_suffix(1);
  if (tail) count_size(node->tail_sizes, rest.size(), false);
  auto& map = tail ? node->tails : node->ends;
  map.erase(rest);
  --size_;
  for (; !way.empty() && node->empty(); way.pop_back()) {
    node = way.back().first;
    const std::string_view step = way.back().second;
    if (step.size() == 2 && step[0] == '*') {
      node->any[slot_of(step[1])].reset();
    } else {
      node->next.erase(step);
    }
  }
}

void PatternIndex::match(std::string_view topic, std::vector<Audience*>& out) const {
  if (size_ != 0) match_from(*root_, topic, out);
}

void PatternIndex::match_from(const Node& node, std::string_view rest,
                              std::vector<Audience*>& out) {
  for (const auto& [size, count] : node.tail_sizes) {
    if (size > rest.size()) continue;
    const auto tail = node.tails.find(rest.substr(0, size));
    if (tail != node.tails.end()) out.push_back(tail->second.get());
  }
  const std::string_view step = first_step(rest);
  if (!ends_in_separator(step)) {
    if (node.ends.empty()) return;
    const auto end = node.ends.find(step);
    if (end != node.ends.end()) out.push_back(end->second.get());
    return;
  }
  const std::string_view after = rest.substr(step.size());
  const auto child = node.next.find(step);
  if (child != node.next.end()) match_from(*child->second, after, out);
  const auto& any = node.any[slot_of(step.back())];
  if (any && step.size() > 1) match_from(*any, after, out);
}

}  // namespace zws
