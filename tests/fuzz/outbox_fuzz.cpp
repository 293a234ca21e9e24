// Whatever is said to one client, and however little its socket takes at a time: what is written are
// whole frames, each source's events are there once and in order or are told as missing, bounds hold,
// and what was offered is delivered, dropped or replaced. Each byte of the input is a choice.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/outbox.hpp"
#include "support/events.hpp"

namespace {

constexpr std::size_t limit = 4000;
constexpr std::size_t topics = 4;  // one for each overflow

void demand(bool kept) {
  if (!kept) std::abort();
}

class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  bool more() const { return left_ != 0; }
  std::size_t next(std::size_t below) {
    if (left_ == 0) return 0;
    --left_;
    return *data_++ % below;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

// A socket that takes so many bytes and no more.
class Trickle final : public zws::Wire {
 public:
  Trickle() : Wire(-1) {}

  ssize_t write(std::string_view bytes) noexcept override {
    if (cut) return broken;
    if (room == 0) return blocked;
    const std::size_t taken = std::min(room, bytes.size());
    room -= taken;
    text.append(bytes.substr(0, taken));
    return static_cast<ssize_t>(taken);
  }
  ssize_t write(const iovec* pieces, std::size_t count) noexcept override {
    std::size_t all = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view piece(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
      const ssize_t taken = write(piece);
      if (taken < 0) return all == 0 ? taken : static_cast<ssize_t>(all);
      all += static_cast<std::size_t>(taken);
      if (static_cast<std::size_t>(taken) < piece.size()) break;
    }
    return static_cast<ssize_t>(all);
  }

  std::string text;
  std::size_t room = 0;
  bool cut = false;
};

// What the client reads, frame by frame.
class Reader {
 public:
  void read(std::string_view text) {
    while (text.size() >= 2) {
      const auto size = static_cast<unsigned char>(text[1]);
      const std::size_t head = size < 126 ? 2 : 4;
      demand(size < 127);
      if (text.size() < head) return;
      const std::size_t bytes = size < 126 ? size
                                           : static_cast<unsigned char>(text[2]) * 256U +
                                                 static_cast<unsigned char>(text[3]);
      if (text.size() < head + bytes) return;
      take(text[0], text.substr(head, bytes));
      text.remove_prefix(head + bytes);
    }
  }

  std::map<std::string, std::uint64_t> seen;  // by source, which here names its topic, too

 private:
  void take(char opcode, std::string_view payload) {
    if (static_cast<unsigned char>(opcode) == 0x8A) return demand(payload.empty());
    demand(static_cast<unsigned char>(opcode) == 0x81);
    if (payload == "answer") return;
    const auto message = nlohmann::json::parse(payload);
    if (message.contains("@id")) {
      const std::string id = message["@id"];
      const std::size_t colon = id.find(':');
      return step(id.substr(0, colon), std::stoull(id.substr(colon + 1)), 0);
    }
    demand(message["type"] == "gap");
    const std::uint64_t from = message["from"], to = message["to"];
    demand(message["missed"] == to - from + 1);
    step(message["src"], from, to - from);
  }

  void step(const std::string& source, std::uint64_t first, std::uint64_t more) {
    std::uint64_t& before = seen[source];
    // A conflating topic's numbers jump where one was replaced.
    demand(source[0] == 'c' ? first > before : first == before + 1);
    before = first + more;
  }
};

class Run final : private zws::Outbox::Owner {
 public:
  explicit Run(Choices choices) : choices_(choices) {
    outbox_.emplace(static_cast<zws::Outbox::Owner&>(*this), metrics_, limit);
    outbox_->open(&wire_);
  }

  void run() {
    while (choices_.more()) {
      step();
      // Events, markers, and what was let in because nothing waited; collected answers are extra.
      demand(outbox_->queued_bytes() <= 2 * limit + 5000);
      demand(metrics_.queue_bytes.value() == outbox_->queued_bytes());
    }
    wire_.room = ~std::size_t{0};
    outbox_->uncork();
    outbox_->flush();
    demand(!outbox_->waiting() || wire_.cut);
    outbox_->shut();
    const std::uint64_t gone = outbox_->delivered() + outbox_->dropped();
    demand(gone == metrics_.deliveries.value() + dropped());
    const std::uint64_t accounted = gone + metrics_.replaced.value();
    demand(accounted >= offered_ && accounted <= offered_ + replayed_);
    outbox_.reset();
    demand(metrics_.queue_bytes.value() == 0);
    Reader reader;
    reader.read(wire_.text);
    if (ended_) return;
    for (const auto& [source, last] : numbers_)
      demand(source[0] == 'c' ? reader.seen[source] <= last : reader.seen[source] == last);
  }

 private:
  void on_blocked() noexcept override {}
  void on_drained() noexcept override {}
  void on_broken() noexcept override { ended_ = true; }
  void on_loss(std::string_view topic) noexcept override { demand(topic.size() == 1); }
  void on_overflow() noexcept override { ended_ = true; }
  void on_replaced() noexcept override { outbox_->take_replaced(); }

  void step() {
    switch (choices_.next(16)) {
      case 0: return answer();
      case 1: return pong();
      case 2: corked_ = true; return outbox_->cork();
      case 3: corked_ = false; return outbox_->uncork();
      case 4:
      case 5: return flush(choices_.next(256));
      case 6: return flush(choices_.next(256) * 32);
      case 7: return replay();
      case 8: return maybe_end();
      default: return deliver();
    }
  }

  void answer() {  // a bridge stops reading from whom it cannot answer
    if (!outbox_->at_bound()) outbox_->write(zws::text_frame("answer"));
  }

  void pong() {  // one takes another's place, but not before uncork()
    if (corked_ && outbox_->at_bound()) return;
    outbox_->write(zws::FrameHeader(zws::Opcode::pong, 0).bytes(), true);
  }

  void flush(std::size_t room) {
    wire_.room = room;
    outbox_->flush();
  }

  zws::EventPtr event() {
    static constexpr std::array<zws::Overflow, topics> overflow{
        zws::Overflow::drop_oldest, zws::Overflow::drop_newest, zws::Overflow::conflate,
        zws::Overflow::disconnect};
    const std::size_t topic = choices_.next(topics);
    zws::Made made{std::string(1, "oncd"[topic]), 0, overflow[topic], choices_.next(256) * 8};
    made.source = made.topic + (choices_.next(2) == 0 ? "1" : "2");
    made.key = choices_.next(2) == 0 ? "k" : "";
    made.seq = ++numbers_[made.source];
    return zws::make_event(made);
  }

  void deliver() {
    std::vector<zws::EventPtr> events;
    for (std::size_t n = choices_.next(3) + 1; n > 0; --n) events.push_back(event());
    std::vector<const zws::EventPtr*> places;
    std::string bytes;
    for (const zws::EventPtr& each : events) {
      places.push_back(&each);
      bytes.append(each->frame());
    }
    offered_ += events.size();
    outbox_->deliver({places.data(), places.size(), bytes});
  }

  void replay() {
    std::vector<zws::EventPtr> events;
    for (std::size_t n = choices_.next(8); n > 0; --n) events.push_back(event());
    replayed_ += events.size();
    outbox_->replay(events);
  }

  void maybe_end() {
    switch (choices_.next(8)) {
      case 0: outbox_->refuse_events(); break;
      case 1: outbox_->refuse_events(); [[fallthrough]];
      case 2: outbox_->discard_events(zws::DropReason::disconnected); break;
      case 3: outbox_->discard(zws::DropReason::slow_consumer); break;
      case 4: wire_.cut = true; break;
      default: return;
    }
    // Events are no longer told after this, and a bridge takes none.
    ended_ = true;
    outbox_->refuse_events();
  }

  std::uint64_t dropped() const {
    std::uint64_t all = 0;
    for (const auto& reason : metrics_.dropped) all += reason.value();
    return all;
  }

  Choices choices_;
  zws::LaneMetrics metrics_;
  Trickle wire_;
  std::optional<zws::Outbox> outbox_;
  std::map<std::string, std::uint64_t> numbers_;  // of the last event, by source
  std::uint64_t offered_ = 0;
  std::uint64_t replayed_ = 0;
  bool corked_ = false;
  bool ended_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Run(Choices(data, std::min<std::size_t>(size, 4096))).run();
  return 0;
}
