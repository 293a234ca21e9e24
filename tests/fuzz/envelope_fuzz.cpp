// Whatever frames a producer sends: they are refused, or become an arrival within the contract's
// bounds, and that becomes a frame that is UTF-8 text. The input's first byte says how many frames
// follow; 0xFE parts them, which no UTF-8 holds.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/position.hpp"
#include "core/topic.hpp"
#include "exchange/frame.hpp"
#include "ingest/envelope.hpp"

namespace {

void demand(bool kept) {
  if (!kept) std::abort();
}

std::vector<std::string_view> frames_of(std::string_view text) {
  std::vector<std::string_view> frames;
  const std::size_t most = text.empty() ? 1 : static_cast<unsigned char>(text[0]) % 4U + 1U;
  text.remove_prefix(text.empty() ? 0 : 1);
  while (frames.size() + 1 < most) {
    const std::size_t end = text.find('\xFE');
    if (end == std::string_view::npos) break;
    frames.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  frames.push_back(text);
  return frames;
}

// An event as it is, conflated by a key of the payload, and untouched.
std::array<zws::Route, 3> kinds_of_route() {
  std::array<zws::Route, 3> routes;
  routes[1].overflow = zws::Overflow::conflate;
  routes[1].key = "id";
  routes[2].format = zws::EventFormat::raw;
  return routes;
}

void render(const zws::Arrival& arrival, const zws::Route& route) {
  static zws::Renderer renderer;
  zws::Event::Fields fields;
  fields.topic = arrival.topic;
  fields.topic_hash = zws::topic_hash(arrival.topic);
  fields.source = arrival.source.empty() ? std::string_view("own") : arrival.source;
  fields.seq = arrival.seq == 0 ? 1 : arrival.seq;
  const zws::EventPtr event = renderer.render(arrival, fields, route, 1);
  const std::string_view frame = event->frame();
  if (route.format == zws::EventFormat::raw) {
    demand(event->raw());
    demand(static_cast<unsigned char>(frame[0]) == 0x82);  // binary: no text is a producer's own
    demand(frame.size() >= arrival.payload.size() &&
           frame.substr(frame.size() - arrival.payload.size()) == arrival.payload);
    return;
  }
  const auto size = static_cast<unsigned char>(frame[1]);
  const std::string_view text = frame.substr(size < 126 ? 2 : size == 126 ? 4 : 10);
  demand(zws::is_utf8(text));
  const std::string id =
      ",\"@id\":\"" + std::string(fields.source) + ':' + std::to_string(fields.seq) + "\"}";
  demand(text.find(id) != std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static zws::Envelope envelope;
  const auto frames = frames_of({reinterpret_cast<const char*>(data), size});
  const auto result = envelope.open(frames.data(), frames.size());
  if (result.rejected == zws::RejectReason::count_) {
    const zws::Arrival& arrival = result.arrival;
    demand(zws::topic_fault(arrival.topic) == zws::TopicFault::none);
    demand(arrival.source.empty() == (arrival.seq == 0));
    demand(arrival.source.empty() || zws::is_source(arrival.source));
    demand(arrival.key.size() <= 255 && arrival.sent_ns >= 0);
    static const auto routes = kinds_of_route();
    for (const zws::Route& route : routes) render(arrival, route);
  }
  envelope.reset();
  return 0;
}
