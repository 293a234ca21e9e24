#include "socket_options.hpp"

#include <zmq.h>

#include <cerrno>
#include <cstring>

namespace zws {
namespace {

constexpr int reconnect_ms = 100;
constexpr int reconnect_max_ms = 2000;
// A bridge whose machine has gone sends no FIN. Silence for this long ends the connection, and a
// new one is tried.
constexpr int heartbeat_ms = 10'000;
constexpr int silence_ms = 30'000;
constexpr std::size_t curve_key_bytes = 40;

void set_curve(void* socket, const PublisherOptions& options) {
  if (options.curve_server_key.empty()) {
    if (options.curve_secret_key.empty()) return;
    throw PublisherError("curve_secret_key needs curve_server_key, the public key of the bridge");
  }
  char public_key[curve_key_bytes + 1];
  char secret_key[curve_key_bytes + 1];
  if (options.curve_secret_key.empty()) {
    if (zmq_curve_keypair(public_key, secret_key) != 0)
      throw PublisherError("this libzmq was built without CURVE");
  } else {
    // The message never holds the value: it is a secret.
    if (options.curve_secret_key.size() != curve_key_bytes ||
        zmq_curve_public(public_key, options.curve_secret_key.c_str()) != 0)
      throw PublisherError("curve_secret_key must be 40 characters of Z85");
    std::memcpy(secret_key, options.curve_secret_key.c_str(), sizeof secret_key);
  }
  if (options.curve_server_key.size() != curve_key_bytes ||
      zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, options.curve_server_key.c_str(),
                     curve_key_bytes + 1) != 0)
    throw PublisherError("curve_server_key must be 40 characters of Z85");
  zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, public_key, sizeof public_key);
  zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_key, sizeof secret_key);
}

}  // namespace

void set_option(void* socket, int option, int value) noexcept {
  zmq_setsockopt(socket, option, &value, sizeof value);
}

void set_common_options(void* socket, const std::string& endpoint,
                        const PublisherOptions& options) {
  set_option(socket, ZMQ_RECONNECT_IVL, reconnect_ms);
  set_option(socket, ZMQ_RECONNECT_IVL_MAX, reconnect_max_ms);
  set_option(socket, ZMQ_HEARTBEAT_IVL, heartbeat_ms);
  set_option(socket, ZMQ_HEARTBEAT_TIMEOUT, silence_ms);
  set_option(socket, ZMQ_HEARTBEAT_TTL, silence_ms);
  // Unbounded: an engine that finds this queue full stops reading, and libzmq aborts when its
  // connection then breaks. A bridge that comes back costs 64 bytes for each of its subscriptions
  // until this publisher is used again.
  set_option(socket, ZMQ_RCVHWM, 0);
  constexpr std::int64_t frame_bytes = frame_bytes_max;
  zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_bytes, sizeof frame_bytes);
  // Only for IPv6 addresses: with it "localhost" would mean ::1 alone.
  set_option(socket, ZMQ_IPV6, endpoint.find('[') != std::string::npos);
  set_curve(socket, options);
}

void attach(void* socket, const std::string& endpoint, bool bind) {
  if ((bind ? zmq_bind(socket, endpoint.c_str()) : zmq_connect(socket, endpoint.c_str())) == 0)
    return;
  if (errno == EINVAL || errno == EPROTONOSUPPORT || errno == ENOCOMPATPROTO)
    throw PublisherError("'" + endpoint +
                         "' is not a ZeroMQ endpoint such as tcp://127.0.0.1:5556");
  throw PublisherError(std::string("cannot ") + (bind ? "bind " : "connect to ") + endpoint + ": " +
                       zmq_strerror(errno));
}

}  // namespace zws
