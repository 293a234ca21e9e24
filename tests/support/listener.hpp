// Listener: a subscriber that writes down what it is offered.
#pragma once

#include <string>
#include <vector>

#include "routing/subscriber.hpp"
#include "support/events.hpp"

namespace zws {

class Listener final : public Subscriber {
 public:
  void deliver(const Bundle& bundle) noexcept override {
    ++deliveries;
    event_bytes += bundle.bytes.size() - bundle.marker_bytes;
    std::string joined;
    for (std::size_t i = 0; i < bundle.count; ++i) {
      heard.push_back(name_of(*bundle[i]));
      joined.append(bundle[i]->frame());
    }
    sound = sound && joined == bundle.bytes;
  }

  std::vector<std::string> heard;
  int deliveries = 0;
  std::size_t event_bytes = 0;  // of what is no marker
  bool sound = true;            // the bytes were always the frames, joined
};

}  // namespace zws
