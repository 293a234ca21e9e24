// Whatever stands before the first byte: it has a verdict, which more bytes do not change, and no header
// is waited for past its bound.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/address.hpp"
#include "port/proxy_header.hpp"

namespace {

void demand(bool kept) {
  if (!kept) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Kind = zws::ProxyHeader::Kind;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const zws::ProxyHeader whole = zws::read_proxy_header(text);
  demand(whole.kind != Kind::unfinished || size < zws::proxy_header_bytes_max);
  demand(whole.address.empty() || zws::parse_ip(whole.address));
  demand(whole.kind != Kind::good ||
         (whole.bytes <= size && whole.bytes <= zws::proxy_header_bytes_max));
  for (std::size_t cut = 0; cut < size; cut += 1 + cut / 8) {
    const zws::ProxyHeader part = zws::read_proxy_header(text.substr(0, cut));
    if (part.kind == Kind::unfinished) continue;
    demand(part.kind == whole.kind && part.bytes == whole.bytes && part.address == whole.address);
    break;
  }
  return 0;
}
