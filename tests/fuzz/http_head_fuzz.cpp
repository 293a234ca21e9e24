// Whatever stands at the head of a request: it has a verdict, sizes are bounded first, and a sound one
// is made of lines that each end in CR LF.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "port/http_head.hpp"

namespace {

void demand(bool kept) {
  if (!kept) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const int partial = zws::partial_head_fault(text);
  demand(partial == 0 || partial == 414 || partial == 431);

  const std::size_t end = text.find("\r\n\r\n");
  const std::string head = end == std::string::npos ? text + "\r\n\r\n" : text.substr(0, end + 4);
  const int fault = zws::head_fault(head);
  demand(fault == 0 || fault == 400 || fault == 414 || fault == 431);
  if (fault != 0) return 0;
  demand(head.size() <= zws::request_head_bytes_max);
  for (std::size_t i = 0; i < head.size(); ++i) {
    demand(head[i] != '\0');
    demand(head[i] != '\n' || (i > 0 && head[i - 1] == '\r'));
    demand(head[i] != '\r' || head[i + 1] == '\n');
  }
  return 0;
}
