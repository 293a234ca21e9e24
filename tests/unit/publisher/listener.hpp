// Listener: a bridge's side of ZeroMQ: a SUB socket that binds or connects.
//
// Thread: one. Every wait has a deadline of five seconds.
#pragma once

#include <zmq.h>

#include <optional>
#include <string>
#include <vector>

namespace zws::test {

class Listener {
 public:
  struct Options {
    std::string bind = "tcp://127.0.0.1:*";  // empty: connect() it yourself
    std::vector<std::string> prefixes{""};
    std::string curve_secret_key;  // set: the CURVE server that every bridge with keys is
    int hwm = 1000;
  };

  Listener() : Listener(Options{}) {}
  explicit Listener(const Options& options)
      : context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_SUB)) {
    set(ZMQ_RCVTIMEO, 5000);
    set(ZMQ_LINGER, 0);
    set(ZMQ_RCVHWM, options.hwm);
    if (!options.curve_secret_key.empty()) {
      set(ZMQ_CURVE_SERVER, 1);
      zmq_setsockopt(socket_, ZMQ_CURVE_SECRETKEY, options.curve_secret_key.c_str(), 41);
    }
    for (const std::string& prefix : options.prefixes)
      zmq_setsockopt(socket_, ZMQ_SUBSCRIBE, prefix.data(), prefix.size());
    if (options.bind.empty()) return;
    set(ZMQ_IPV6, options.bind.find('[') != std::string::npos);
    // A port that was just left may need a moment; bind says so itself.
    bound_ = zmq_bind(socket_, options.bind.c_str()) == 0;
    char endpoint[256] = {};
    std::size_t size = sizeof endpoint;
    zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, endpoint, &size);
    endpoint_ = endpoint;
  }

  ~Listener() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }

  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  bool bound() const { return bound_; }
  const std::string& endpoint() const { return endpoint_; }
  void connect(const std::string& endpoint) { zmq_connect(socket_, endpoint.c_str()); }

  // A SUB socket greets a producer only while its thread is inside libzmq, as a bridge's always is.
  void attend() {
    int events = 0;
    std::size_t size = sizeof events;
    zmq_getsockopt(socket_, ZMQ_EVENTS, &events, &size);
  }

  // The frames of the next message; nothing when none came in time.
  std::optional<std::vector<std::string>> receive() {
    std::vector<std::string> frames;
    int more = 1;
    while (more) {
      zmq_msg_t part;
      zmq_msg_init(&part);
      if (zmq_msg_recv(&part, socket_, 0) < 0) return std::nullopt;
      frames.emplace_back(static_cast<char*>(zmq_msg_data(&part)), zmq_msg_size(&part));
      more = zmq_msg_more(&part);
      zmq_msg_close(&part);
    }
    return frames;
  }

 private:
  void set(int option, int value) { zmq_setsockopt(socket_, option, &value, sizeof value); }

  void* context_;
  void* socket_;
  std::string endpoint_;
  bool bound_ = false;
};

struct CurvePair {
  std::string public_key, secret_key;

  static CurvePair make() {
    char public_key[41], secret_key[41];
    zmq_curve_keypair(public_key, secret_key);
    return {public_key, secret_key};
  }
};

}  // namespace zws::test
