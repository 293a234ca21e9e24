// Intake: what is taken from the producers' socket: message by message, each opened by the Envelope, or counted
// and named in the log; and what is good is handed to the Sink, one batch a drain.
//
// Thread: one at a time, that of whoever drains. Bounds: 256 messages a drain, none more once it has
// 64 KiB, and of frames that are ignored as many as take a fraction of a millisecond; nothing of them is held
// when it has ended.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>
#include <zmq.hpp>

#include "core/log.hpp"
#include "core/sink.hpp"
#include "ingest/envelope.hpp"
#include "ingest/senders.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class Intake {
 public:
  Intake(Sink& sink, Senders& senders, IngestMetrics& metrics);

  void set_rules(const EnvelopeRules& rules) noexcept { envelope_.set_rules(rules); }

  // Waits for one message if it may block, then takes what is there. True if there may be more.
  // Throws zmq::error_t.
  bool drain(zmq::socket_t& socket, bool block);

  // How many messages have been taken so far.
  std::uint64_t taken() const noexcept { return taken_; }

 private:
  static constexpr std::size_t frames_max = 3;  // further frames are ignored

  bool receive(zmq::socket_t& socket, std::size_t slot, bool block);
  bool pass_over_rest(zmq::socket_t& socket);
  void add(std::size_t slot, std::size_t count);
  void reject(const Envelope::Result& opened);
  void ignore_header(const Envelope::Result& opened);
  void let_go(std::size_t slots) noexcept;

  Sink& sink_;
  Senders& senders_;
  IngestMetrics& metrics_;
  Envelope envelope_;
  // Of the drain at hand; an arrival points into them until the sink has taken it.
  std::vector<std::array<zmq::message_t, frames_max>> messages_;
  std::vector<Arrival> arrivals_;
  std::size_t batch_bytes_ = 0;
  std::size_t ignored_left_ = 0;  // frames
  std::uint64_t taken_ = 0;
  std::array<log::Quiet, static_cast<std::size_t>(RejectReason::count_)> reject_logs_;
  log::Quiet header_log_;
};

}  // namespace zws
