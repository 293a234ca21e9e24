// Whatever a client says: it is a request within the contract's bounds, or a refusal that can be
// told, and both can be told in valid UTF-8.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "client/client_protocol.hpp"
#include "core/topic.hpp"

namespace {

void demand(bool kept) {
  if (!kept) std::abort();
}

void check(const zws::Request& request) {
  using zws::RequestType;
  const bool names_topics = request.type == RequestType::subscribe ||
                            request.type == RequestType::unsubscribe ||
                            request.type == RequestType::fetch;
  demand(names_topics == !request.topics.empty());
  if (request.type == RequestType::fetch && request.fault.code == zws::ErrorCode::none &&
      !request.last)
    demand(request.from >= 1 && request.from <= request.to && zws::is_source(request.source));
  if (!request.since) return;
  demand(request.since->positions.size() <= 256);
  for (const zws::Position& position : request.since->positions)
    demand(zws::Position::parse(position.text()) == position);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  if (!zws::is_utf8(message)) return 0;  // the WebSocket layer lets nothing else through
  const zws::ParsedRequest parsed = zws::parse_request(message);
  demand(parsed.request.has_value() == (parsed.refusal.code == zws::ErrorCode::none));
  if (parsed.request) {
    check(*parsed.request);
    demand(parsed.request->id == parsed.refusal.id);
  }
  const auto& refusal = parsed.refusal;
  demand(zws::is_utf8(zws::error_text(refusal.code, refusal.message, refusal.id)));
  return 0;
}
