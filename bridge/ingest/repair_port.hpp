// RepairPort: the ROUTER socket on which publishers can be asked for what they keep; the protocol is in
// docs/PUBLISHING.md. It checks the form of what they say, and Publishers what it means.
//
// Thread: that of whoever drains. Lifetime: within the context's.
// Bounds: a look takes at most 64 messages or 64 KiB; a message of more frames than the protocol has is
// passed over; 1000 messages are queued for and of each publisher; connections by Callers; none of libzmq's
// calls blocks.
// Errors: bind() throws StartupError; later what is malformed is counted and dropped.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include <zmq.hpp>

#include "config/config.hpp"
#include "ingest/callers.hpp"
#include "ingest/curve_keys.hpp"
#include "ingest/envelope.hpp"
#include "ingest/repair.hpp"
#include "ingest/wakeup.hpp"

namespace zws {

class RepairPort final : public Asker {
 public:
  // `most`: connections at a time. `wakeup` waits for what comes to it.
  RepairPort(zmq::context_t& context, const CurveKeys& keys, IngestMetrics& metrics,
             std::size_t most, Wakeup& wakeup);

  // At the start.
  void bind(const Config& config);
  // A new socket in place of the old one, whose connections all end. If it throws, all is as it was.
  void reopen(const Config& config);
  // Binds what reopen() could not yet, as the old socket had it.
  void bind_again(const Config& config);
  void close() noexcept;

  void set_rules(const EnvelopeRules& rules) noexcept { envelope_.set_rules(rules); }

  // Takes what publishers have said. True if there may be more. Throws zmq::error_t.
  bool drain(Repair& repair);
  // Something was sent since the socket was last found empty: whether more has come is not known.
  bool touched() const noexcept { return touched_; }

  // As they are bound.
  const std::vector<std::string>& addresses() const noexcept { return addresses_; }

  // Who comes and goes.
  Callers& callers() noexcept { return *callers_; }

  Sent hello(const std::string& id) noexcept override;
  Sent want(const std::string& id, std::string_view source, std::string_view topic,
            SeqRange range) noexcept override;
  Sent nothing(const std::string& id) noexcept override;

 private:
  void open(const Config& config);
  bool receive();
  void take(Publishers& publishers);
  void let_go() noexcept;
  bool take_kept(Publishers& publishers, const std::string& id);
  bool take_answer(Publishers& publishers, const std::string& id);
  bool take_end(Publishers& publishers, const std::string& id);
  std::string_view frame(std::size_t index) const noexcept;
  Sent send(const std::string& id, const std::string_view* frames, std::size_t count) noexcept;

  zmq::context_t& context_;
  const CurveKeys& keys_;
  IngestMetrics& metrics_;
  const std::size_t most_;
  Wakeup& wakeup_;
  zmq::socket_t socket_;
  std::unique_ptr<Callers> callers_;
  std::unique_ptr<Awaited> awaited_;
  std::unique_ptr<Awaited> callers_awaited_;
  std::vector<std::string> addresses_;  // as they are bound
  std::vector<std::string> unbound_;
  Envelope envelope_;
  std::vector<zmq::message_t> frames_;  // of the message at hand
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  bool passing_over_ = false;  // the rest of a message
  bool touched_ = false;
  std::vector<KeptRange> kept_;
};

}  // namespace zws
