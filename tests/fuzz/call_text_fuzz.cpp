// Whatever another bridge, or somebody in its name, says in the fleet's channels: it is refused, or it is a
// call that may be carried out, and is read again as what it was read as.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/position.hpp"
#include "core/topic.hpp"
#include "core/user.hpp"
#include "relay/call_text.hpp"
#include "relay/member_text.hpp"

namespace {

constexpr std::size_t payload_max = 64;

void demand(bool kept) {
  if (!kept) std::abort();
}

void check(const zws::CallText& told) {
  demand(zws::is_source(told.id));
  for (const zws::FleetEvent& event : told.call.events) {
    demand(zws::topic_fault(event.topic) == zws::TopicFault::none);
    demand(zws::is_source(event.source) && event.seq > 0 && event.payload.size() <= payload_max);
  }
  const bool publishes = told.call.kind == zws::FleetCall::Kind::publish;
  demand(publishes == !told.call.events.empty());
  if (told.call.kind == zws::FleetCall::Kind::close_user) demand(zws::is_user(told.call.whom));
  const auto again = zws::CallText::parse(told.text(), payload_max);
  demand(again && again->text() == told.text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto told = zws::CallText::parse(text, payload_max)) check(*told);
  if (const auto told = zws::AnswerText::parse(text))
    demand(zws::AnswerText::parse(told->text()).has_value());
  if (const auto told = zws::MemberText::parse(text)) demand(!told->member.name.empty());
  return 0;
}
