// zws pub: publishes messages as a producer does, and ends when they have left.

#include <unistd.h>

#include <memory>
#include <optional>
#include <thread>

#include "above_zero.hpp"
#include "command.hpp"
#include "delivery.hpp"
#include "lines.hpp"
#include "output.hpp"
#include "pace.hpp"
#include "template.hpp"

namespace zws::tool {
namespace {

struct PubOptions {
  std::string topic;
  std::string payload;
  std::uint64_t count = 0;  // 0: not given
  double rate = 0;
  std::string key;
  DeliveryOptions delivery;
};

// What the messages are made of: one payload again and again, or a line of stdin each.
class Payloads {
 public:
  explicit Payloads(const PubOptions& options)
      : repeated_(options.payload),
        from_stdin_(options.payload == "-"),
        left_(options.count != 0 ? options.count
              : from_stdin_      ? no_end
                                 : 1) {}

  // False when there is no other message.
  bool advance() {
    if (left_ == 0) return false;
    if (left_ != no_end) --left_;
    if (from_stdin_) line_ = lines_.next();
    return !from_stdin_ || line_;
  }

  // Lines go as they are: data that happens to hold braces is not ours to change.
  std::string current(std::uint64_t number, WallTime now) const {
    return from_stdin_ ? *line_ : repeated_.render(number, now);
  }

 private:
  static constexpr std::uint64_t no_end = ~std::uint64_t{0};

  const Template repeated_;
  const bool from_stdin_;
  std::uint64_t left_;
  Lines lines_{STDIN_FILENO};
  std::optional<std::string> line_;
};

Exit pub(PubOptions options) {
  options.delivery.header = options.delivery.header || !options.key.empty();
  const Template topics(options.topic);
  Payloads payloads(options);
  Pace pace(options.rate);
  Delivery delivery(options.delivery);
  std::string topic;
  std::uint64_t sent = 0;
  while (payloads.advance()) {
    if (options.rate > 0) std::this_thread::sleep_until(pace.next(Clock::real().steady()));
    const WallTime now = Clock::real().wall();
    std::string next_topic = topics.render(sent + 1, now);
    if (next_topic != topic) delivery.wait_for_bridge(next_topic);
    topic = std::move(next_topic);
    const std::string payload = payloads.current(sent + 1, now);
    delivery.check(delivery.publisher().publish(topic, payload, options.key), topic);
    ++sent;
  }
  delivery.finish();
  if (talk_is_seen())
    talk("sent " + std::to_string(sent) + (sent == 1 ? " message" : " messages") + " to " +
         options.delivery.to);
  return Exit::done;
}

}  // namespace

void add_pub(CLI::App& app, Run& run) {
  auto options = std::make_shared<PubOptions>();
  CLI::App* command = app.add_subcommand("pub", "Publish messages to a bridge, as a producer");
  command->add_option("TOPIC", options->topic, "Where to; @all or @user/<id> reach connections")
      ->required();
  command->add_option("PAYLOAD", options->payload,
                      "The message, empty if not given; - takes a message from each line of stdin");
  command->add_option("--count", options->count, "Send so many messages (with -: at most)")
      ->check(above_zero());
  command->add_option("--rate", options->rate, "Messages a second (else as fast as possible)")
      ->check(above_zero());
  command->add_flag("--header", options->delivery.header,
                    "Add src, seq and ts, so that the bridge sees losses");
  command->add_option("--key", options->key, "Conflation key of each message; means --header too");
  add_delivery_options(*command, options->delivery);
  command->footer(
      "{{count}}, {{time}} and {{uuid}} in TOPIC and PAYLOAD differ with each message.\n"
      "Ends with 3 when no bridge listens, 4 when it refuses, 1 when not all messages could "
      "leave.\n\n"
      "Examples:\n"
      "  zws pub wallet_updates '{\"type\":\"wallet_update\",\"data\":{\"score\":85}}'\n"
      "  zws pub 'import:{{uuid}}' '{\"type\":\"tick\",\"n\":{{count}}}' --count 100 --rate 10\n"
      "  tail -f app.log | zws pub logs -\n"
      "  zws pub @all '{\"type\":\"maintenance\",\"at\":\"{{time}}\"}'");
  command->callback([options, &run] { run = [options] { return pub(*options); }; });
}

}  // namespace zws::tool
