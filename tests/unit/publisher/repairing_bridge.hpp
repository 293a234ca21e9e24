// RepairingBridge: the side of a bridge that asks publishers for events again: a ROUTER.
//
// Thread: one. Every wait has a deadline of five seconds.
#pragma once

#include <zmq.h>

#include <string>
#include <vector>

#include "unit/publisher/listener.hpp"

namespace zws::test {

using Frames = std::vector<std::string>;

class RepairingBridge {
 public:
  explicit RepairingBridge(const std::string& endpoint = "tcp://127.0.0.1:*",
                           const std::string& curve_secret_key = {})
      : context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_ROUTER)) {
    set(ZMQ_RCVTIMEO, 5000);
    set(ZMQ_LINGER, 0);
    if (!curve_secret_key.empty()) {
      set(ZMQ_CURVE_SERVER, 1);
      zmq_setsockopt(socket_, ZMQ_CURVE_SECRETKEY, curve_secret_key.c_str(), 41);
    }
    bound_ = zmq_bind(socket_, endpoint.c_str()) == 0;
    char bound[256] = {};
    std::size_t size = sizeof bound;
    zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, bound, &size);
    endpoint_ = bound;
  }

  ~RepairingBridge() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }

  RepairingBridge(const RepairingBridge&) = delete;
  RepairingBridge& operator=(const RepairingBridge&) = delete;

  bool bound() const { return bound_; }
  const std::string& endpoint() const { return endpoint_; }

  // Waits for the publisher's empty message. False when none comes.
  bool meet() { return receive() == Frames{""}; }

  // To the publisher that was heard last.
  void send(const Frames& frames) {
    zmq_send(socket_, peer_.data(), peer_.size(), ZMQ_SNDMORE);
    for (std::size_t i = 0; i < frames.size(); ++i)
      zmq_send(socket_, frames[i].data(), frames[i].size(),
               i + 1 < frames.size() ? ZMQ_SNDMORE : 0);
  }

  Frames ask(const Frames& frames) {
    send(frames);
    return receive();
  }

  // The next message that answers a want: what topics have come to is told at any time.
  Frames answer() {
    Frames frames = receive();
    while (!frames.empty() && frames[0] == "have") frames = receive();
    return frames;
  }

  // The next message's frames; none when none came in time.
  Frames receive() {
    Frames frames;
    int more = 1;
    while (more) {
      zmq_msg_t part;
      zmq_msg_init(&part);
      if (zmq_msg_recv(&part, socket_, 0) < 0) return {};
      frames.emplace_back(static_cast<char*>(zmq_msg_data(&part)), zmq_msg_size(&part));
      more = zmq_msg_more(&part);
      zmq_msg_close(&part);
    }
    peer_ = frames.front();
    frames.erase(frames.begin());
    return frames;
  }

 private:
  void set(int option, int value) { zmq_setsockopt(socket_, option, &value, sizeof value); }

  void* context_;
  void* socket_;
  bool bound_ = false;
  std::string endpoint_;
  std::string peer_;
};

}  // namespace zws::test
