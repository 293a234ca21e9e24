// zws tap: listens to producers themselves, in the bridge's place.

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <zws/publisher.hpp>

#include "above_zero.hpp"
#include "command.hpp"
#include "core/json_text.hpp"
#include "core/log.hpp"
#include "core/topic.hpp"
#include "duration.hpp"
#include "output.hpp"
#include "show.hpp"
#include "small_file.hpp"
#include "tapped.hpp"
#include "url.hpp"

namespace zws::tool {
namespace {

constexpr std::chrono::milliseconds tick{250};  // how soon a gone reader is noticed

struct TapOptions {
  std::vector<std::string> prefixes;
  std::string from{default_endpoint};
  bool bind = false;
  bool connect = false;
  std::uint64_t count = 0;
  std::string timeout;
  Format format = Format::json;
  std::string curve_secret_key_file;
};

// A SUB socket that hears producers.
class Tap {
 public:
  explicit Tap(const TapOptions& options)
      : options_(options), context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_SUB)) {
    set(ZMQ_LINGER, 0);
    set(ZMQ_IPV6, options.from.find('[') != std::string::npos);
    set_curve();
    for (const std::string& prefix : options.prefixes)
      zmq_setsockopt(socket_, ZMQ_SUBSCRIBE, prefix.data(), prefix.size());
    watch();
    attach();
  }

  ~Tap() {
    zmq_close(monitor_);
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }

  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  // The next message's frames; nothing when none came within `wait`.
  std::optional<std::vector<std::string>> receive(std::chrono::milliseconds wait) {
    zmq_pollitem_t polled[2] = {{socket_, 0, ZMQ_POLLIN, 0}, {monitor_, 0, ZMQ_POLLIN, 0}};
    zmq_poll(polled, 2, wait.count());
    if ((polled[1].revents & ZMQ_POLLIN) != 0) check_handshake();
    if ((polled[0].revents & ZMQ_POLLIN) == 0) return std::nullopt;
    std::vector<std::string> frames;
    zmq_msg_t part;
    zmq_msg_init(&part);
    do {
      zmq_msg_recv(&part, socket_, 0);
      // The bridge ignores all beyond the third, so nobody needs to see it.
      if (frames.size() < 3)
        frames.emplace_back(static_cast<char*>(zmq_msg_data(&part)), zmq_msg_size(&part));
    } while (zmq_msg_more(&part));
    zmq_msg_close(&part);
    return frames;
  }

 private:
  void set(int option, int value) { zmq_setsockopt(socket_, option, &value, sizeof value); }

  void set_curve() {
    if (options_.curve_secret_key_file.empty()) return;
    const std::string key = read_small_file("the secret key", options_.curve_secret_key_file);
    set(ZMQ_CURVE_SERVER, 1);
    if (key.size() != 40 || zmq_setsockopt(socket_, ZMQ_CURVE_SECRETKEY, key.c_str(), 41) != 0)
      throw Failure(Exit::failed,
                    options_.curve_secret_key_file + " holds no CURVE key (40 characters)");
  }

  void watch() {
    monitor_ = zmq_socket(context_, ZMQ_PAIR);
    zmq_socket_monitor(socket_, "inproc://monitor",
                       ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
    zmq_connect(monitor_, "inproc://monitor");
  }

  // Producers connect to where a bridge listens, so the tap listens there. If somebody listens
  // there already it may be a producer that binds: then the tap goes to it.
  void attach() {
    if (options_.bind || (!options_.connect && !ipc_is_served())) {
      if (zmq_bind(socket_, options_.from.c_str()) == 0) return say("listening for producers at ");
      const bool elsewhere = errno == EADDRINUSE || errno == EADDRNOTAVAIL || errno == ENODEV;
      if (options_.bind || !elsewhere) fail("cannot listen at ", errno);
    }
    connects_ = true;
    if (zmq_connect(socket_, options_.from.c_str()) != 0) fail("cannot connect to ", errno);
    look_up();
    say("listening to the producer at ");
  }

  // libzmq asks for the address of a name again and again, and says nothing of one that there is not.
  void look_up() const {
    constexpr std::string_view scheme = "tcp://";
    const bool has_source = options_.from.find(';') != std::string::npos;  // tcp://FROM;TO
    if (has_source || options_.from.compare(0, scheme.size(), scheme) != 0) return;
    const Url place = Url::parse("http://" + options_.from.substr(scheme.size()));
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(place.host.c_str(), place.port.c_str(), nullptr, &found);
    if (error == 0) return ::freeaddrinfo(found);
    throw Failure(Exit::cannot_connect,
                  "cannot look up '" + log::escaped(place.host) + "': " + ::gai_strerror(error));
  }

  // libzmq would take the address of a running server's ipc socket from it.
  bool ipc_is_served() const {
    constexpr std::string_view scheme = "ipc://";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (options_.from.compare(0, scheme.size(), scheme) != 0) return false;
    const std::string path = options_.from.substr(scheme.size());
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool served =
        ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(probe);
    return served;
  }

  // A bridge has a SUB socket too, and two of those do not speak with each other. Whichever end sees
  // it first hangs up, so that the other may hear of no failure, only of the end.
  void check_handshake() {
    char frame[256];
    std::uint16_t event = 0;
    if (zmq_recv(monitor_, frame, sizeof frame, ZMQ_DONTWAIT) < 2) return;
    std::memcpy(&event, frame, sizeof event);
    zmq_recv(monitor_, frame, sizeof frame, 0);
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) heard_ = true;
    if (connects_ && heard_) return;
    if (connects_)
      throw Failure(
          Exit::cannot_connect,
          "what listens at " + options_.from +
              " is no producer; is it the bridge? Stop it and try again, or use `zws sub`");
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL || event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
      talk("zws: a producer was turned away: its CURVE keys do not fit ours");
  }

  [[noreturn]] void fail(const std::string& what, int error) const {
    const bool usage = error == EINVAL || error == EPROTONOSUPPORT || error == ENOCOMPATPROTO;
    throw Failure(
        usage ? Exit::usage : Exit::cannot_connect,
        usage ? "'" + options_.from + "' is not a ZeroMQ endpoint such as tcp://127.0.0.1:5556"
              : what + options_.from + ": " + zmq_strerror(error));
  }

  void say(const std::string& what) const {
    if (talk_is_seen()) talk(what + options_.from);
  }

  const TapOptions& options_;
  void* context_;
  void* socket_;
  void* monitor_ = nullptr;
  bool connects_ = false;
  bool heard_ = false;
};

std::string shown(const std::vector<std::string>& frames, Format format) {
  const TappedMessage message = tapped(frames);
  switch (format) {
    case Format::payload: return bare(message.payload);
    case Format::pretty: return pretty(message.topic, message.header, message.payload);
    case Format::json: break;
  }
  return json_line(tapped_json(message));
}

Exit tap(TapOptions options) {
  if (options.bind && options.connect)
    throw Failure(Exit::usage, "one of --bind and --connect, not both");
  if (options.prefixes.empty()) options.prefixes.emplace_back();
  const SteadyTime end = options.timeout.empty() ? SteadyTime::max()
                                                 : Clock::real().steady() +
                                                       parse_duration("--timeout", options.timeout);
  Tap source(options);
  std::uint64_t received = 0;
  while (options.count == 0 || received < options.count) {
    const SteadyTime now = Clock::real().steady();
    if (now >= end) {
      if (options.count == 0) return Exit::done;
      throw Failure(Exit::timed_out, std::to_string(received) + " of " +
                                         std::to_string(options.count) + " messages came in " +
                                         options.timeout);
    }
    const auto rest =
        end == SteadyTime::max() ? tick : std::chrono::ceil<std::chrono::milliseconds>(end - now);
    const auto frames = source.receive(std::min(tick, rest));
    if (reader_has_gone()) return Exit::done;
    if (!frames) continue;
    if (!write_data(shown(*frames, options.format))) return Exit::done;
    ++received;
  }
  return Exit::done;
}

}  // namespace

void add_tap(CLI::App& app, Run& run) {
  auto options = std::make_shared<TapOptions>();
  CLI::App* command =
      app.add_subcommand("tap", "Listen to producers themselves, in the bridge's place");
  command->add_option("PREFIX", options->prefixes,
                      "What topics begin with (ZeroMQ prefixes); all if none");
  command
      ->add_option("--from", options->from,
                   "Where producers send to, or where one binds (default: $ZWS_ENDPOINT)")
      ->envname("ZWS_ENDPOINT")
      ->type_name("ENDPOINT")
      ->capture_default_str();
  command->add_flag("--bind", options->bind, "Listen there, whatever is there already");
  command->add_flag("--connect", options->connect, "Connect there: to a producer that binds");
  command->add_option("--count", options->count, "End after so many messages")->check(above_zero());
  command->add_option("--timeout", options->timeout, "End after this time; with --count unmet: 5")
      ->type_name("TIME");
  add_format_option(*command, options->format);
  command
      ->add_option("--curve-secret-key-file", options->curve_secret_key_file,
                   "CURVE: the bridge's secret key")
      ->type_name("FILE");
  command->footer(
      "json: {\"topic\":T,\"payload\":P,\"header\":H} a line; P is the payload if it is JSON, else "
      "a\n"
      "string, else base64 and \"encoding\". \"fault\" says why a bridge would refuse the "
      "message.\n"
      "While a bridge listens at ENDPOINT, producers are heard only by it: stop it first, or "
      "listen\n"
      "behind it with `zws sub`. With neither --bind nor --connect the tap listens where the "
      "address\n"
      "is free, and connects where it is not.\n\n"
      "Examples:\n"
      "  zws tap\n"
      "  zws tap import: --count 10 --format pretty\n"
      "  zws tap --connect --from tcp://producer.example:5557");
  command->callback([options, &run] { run = [options] { return tap(*options); }; });
}

}  // namespace zws::tool
