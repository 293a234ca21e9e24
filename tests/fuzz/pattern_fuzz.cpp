// Two patterns and a topic, a line each: matching and inclusion never contradict one another.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/pattern.hpp"
#include "core/topic.hpp"

namespace {

void demand(bool kept) {
  if (!kept) std::abort();
}

std::string take_line(std::string& text) {
  const std::size_t end = text.find('\n');
  const std::string line = text.substr(0, end);
  text.erase(0, end == std::string::npos ? end : end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  const auto granted = zws::Pattern::parse(take_line(text));
  const auto wanted = zws::Pattern::parse(take_line(text));
  const bool topic = zws::topic_fault(text) == zws::TopicFault::none;
  for (const auto* pattern : {&granted, &wanted}) {
    if (!*pattern) continue;
    demand((*pattern)->covers(**pattern));
    demand((*pattern)->is_literal() == ((*pattern)->text().find('*') == std::string::npos));
    if ((*pattern)->is_literal()) demand((*pattern)->matches((*pattern)->text()));
    if (topic && zws::is_reserved(text) && !(*pattern)->is_literal())
      demand(!(*pattern)->matches(text));
  }
  if (!granted || !wanted) return 0;
  const bool covers = granted->covers(*wanted);
  if (wanted->is_literal()) demand(covers == granted->matches(wanted->text()));
  if (covers && topic && wanted->matches(text)) demand(granted->matches(text));
  return 0;
}
