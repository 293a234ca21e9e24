// Echo server: the daemon's own listener, transport and session, with an echo where the daemon has
// Requests. What WebSocket test suites are run against; never installed.
//
//   echo_server [--port N] [--max-message BYTES] [--tls-cert FILE --tls-key FILE]
//
// Prints one line, "listening on 127.0.0.1:PORT", when it is ready; port 0, the default, is any.
// Ends at SIGTERM or SIGINT. A wrong argument is exit code 2, a port that is taken exit code 1.
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "client/session.hpp"
#include "client/wheel.hpp"
#include "config/config.hpp"
#include "core/error.hpp"
#include "metrics/metrics.hpp"
#include "port/acceptor.hpp"
#include "port/listeners.hpp"
#include "port/server.hpp"
#include "port/tls.hpp"

namespace {

using namespace zws;

class Echo final : public MessageHandler {
 public:
  void on_message(Session& session, std::string_view message, bool binary) override {
    session.send(binary ? Opcode::binary : Opcode::text, message);
  }
  void on_timer(Session&, SteadyTime) override {}
  void on_loss(const Session&, std::string_view) noexcept override {}
  void on_leave(Session&) noexcept override {}
};

struct Options {
  std::uint16_t port = 0;
  std::size_t message_bytes = std::size_t{64} << 20;
  std::string tls_cert;
  std::string tls_key;
};

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), end, number);
  return fault == std::errc{} && stopped == end && !text.empty();
}

bool read_options(int count, char** arguments, Options& options) {
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = arguments[i];
    const std::string_view value = i + 1 < count ? arguments[i + 1] : "";
    bool good = !value.empty();
    if (name == "--port")
      good = read_number(value, options.port);
    else if (name == "--max-message")
      good = read_number(value, options.message_bytes);
    else if (name == "--tls-cert")
      options.tls_cert = value;
    else if (name == "--tls-key")
      options.tls_key = value;
    else
      good = false;
    if (!good) return false;
  }
  return options.message_bytes > 0 && options.tls_cert.empty() == options.tls_key.empty();
}

ConfigPtr make_config(const Options& options) {
  auto config = std::make_shared<Config>();
  config->server.listen = {"127.0.0.1:" + std::to_string(options.port)};
  config->server.tls_cert = options.tls_cert;
  config->server.tls_key = options.tls_key;
  config->limits.message_bytes = options.message_bytes;
  config->limits.messages_per_second = std::size_t{1} << 40;  // suites send frames as they like
  // An echo waits as a whole, and a client that sends before it reads has several on the way.
  config->limits.queue_bytes = 2 * options.message_bytes + (std::size_t{16} << 20);
  return config;
}

void tick(asio::steady_timer& timer, Wheel& wheel) {
  timer.expires_after(Wheel::tick);
  timer.async_wait([&](const asio::error_code& error) {
    if (error) return;
    wheel.advance(Clock::real().steady());
    tick(timer, wheel);
  });
}

void serve(const Options& options) {
  ::signal(SIGPIPE, SIG_IGN);  // as the daemon
  const ConfigPtr config = make_config(options);
  Metrics metrics(1);
  Wheel wheel(Clock::real().steady());
  Echo echo;
  asio::io_context loop(1);
  std::unique_ptr<Server> server;  // goes before the loop, to which its connections still post

  Server::Parts parts;
  parts.transport.loop = &loop;
  parts.transport.rules = {config, &wheel, &echo, &metrics.lane(0), &Clock::real()};
  parts.tls = Tls::load(config->server, {});
  parts.on_upgraded = [](Session& session, const Upgrade&) { session.open(); };
  parts.on_gone = [](Session&) {};
  server = std::make_unique<Server>(std::move(parts));

  const ListenAddress address = listen_on(config->server.listen, 1).front();
  Acceptor acceptor(loop, address.descriptors.front(), [&server](int descriptor, std::string peer) {
    server->take(descriptor, std::move(peer));
  });
  acceptor.start();

  asio::steady_timer timer(loop);
  tick(timer, wheel);
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&loop](const asio::error_code&, int) { loop.stop(); });

  std::printf("listening on %s\n", address.text.c_str());
  std::fflush(stdout);
  loop.run();
}

}  // namespace

int main(int count, char** arguments) {
  Options options;
  if (!read_options(count, arguments, options)) {
    std::fputs(
        "usage: echo_server [--port N] [--max-message BYTES] [--tls-cert FILE --tls-key FILE]\n",
        stderr);
    return 2;
  }
  try {
    serve(options);
  } catch (const zws::StartupError& error) {
    std::fprintf(stderr, "echo_server: %s\n", error.what());
    return error.exit_code();
  }
  return 0;
}
