#include "port/transport.hpp"

#include <poll.h>

#include <asio/post.hpp>
#include <cassert>
#include <new>
#include <websocketpp/common/system_error.hpp>
#include <websocketpp/error.hpp>

#include "core/log.hpp"
#include "port/connections.hpp"

namespace zws {
namespace {

namespace transport = websocketpp::transport;

constexpr std::chrono::seconds linger_time{2};
constexpr std::chrono::seconds flush_time{5};
// So many bytes of a request's body that came, or of last words that left, earn a second more: who is
// slower is cut off, and who is not takes no longer than its bytes are worth.
constexpr std::size_t least_rate = 16'384;
constexpr int reads_per_turn = 16;

websocketpp::lib::error_code fault(transport::error::value value) {
  return transport::error::make_error_code(value);
}

}  // namespace

Transport::~Transport() { assert(state_ == State::idle || state_ == State::closed); }

void Transport::adopt(const TransportContext& context, std::unique_ptr<Wire> wire,
                      std::unique_ptr<Peer> peer, std::string address) {
  OpenDescriptor taken(wire->descriptor());
  context_ = &context;
  wire_ = std::move(wire);
  descriptor_.emplace(*context.loop);
  peer_ = std::move(peer);
  outbox_.emplace(static_cast<Outbox::Owner&>(*this), *context.rules.metrics,
                  context.rules.config->limits.queue_bytes);
  outbox_->open(wire_.get());
  session_ = std::make_unique<Session>(*peer_, context.rules, std::move(address));
  deadline_ = std::make_unique<Deadline>(*this);
  descriptor_->assign(taken.get());
  taken.release();
  context.connections->hold(shared_from_this());
  state_ = State::open;
  expect_within(context.rules.config->limits.handshake_timeout);
}

// --- before the first byte -----------------------------------------------------------------------

void Transport::init(const transport::init_handler& handler) {
  init_handler_ = std::make_unique<transport::init_handler>(handler);
  continue_init();
}

void Transport::continue_init() noexcept try {
  if (!wire_->secure() || context_->handshakes == nullptr) return shake_hands();
  context_->handshakes->add([self = shared_from_this()] { self->shake_hands(); });
} catch (const std::exception& error) {
  log::error("a connection failed to start: {}", error.what());
  abort();
}

void Transport::shake_hands() noexcept try {
  if (state_ != State::open || !init_handler_) return;
  const Wire::Handshake step = wire_->handshake();
  if (step == Wire::Handshake::wants_read) return wait_readable();
  if (step == Wire::Handshake::wants_write) return wait_writable();
  if (!wire_->client().empty()) session_->set_address(std::string(wire_->client()));
  const auto handler = std::exchange(init_handler_, nullptr);
  if (step == Wire::Handshake::refused)
    return (*handler)(websocketpp::error::make_error_code(websocketpp::error::http_parse_error));
  (*handler)(step == Wire::Handshake::done ? websocketpp::lib::error_code{}
                                           : fault(transport::error::tls_error));
} catch (const std::exception& error) {
  log::error("a connection failed to start: {}", error.what());
  abort();
}

// --- reading -------------------------------------------------------------------------------------

void Transport::async_read_at_least(std::size_t, char* buffer, std::size_t size,
                                    const ReadHandler& handler) {
  borrowed_handler_ = &handler;
  kept_handler_.reset();
  read_into(buffer, size);
}

void Transport::async_read_at_least(std::size_t, char* buffer, std::size_t size,
                                    ReadHandler&& handler) {
  borrowed_handler_ = nullptr;
  kept_handler_ = std::make_unique<ReadHandler>(std::move(handler));
  read_into(buffer, size);
}

void Transport::read_into(char* buffer, std::size_t size) noexcept {
  if (state_ != State::open) return;
  read_ = {buffer, size};
  paused_ = outbox_->at_bound() || session_->busy();
  if (paused_) return wait_hung_up();
  if (reading_) {
    again_ = true;  // on_readable() goes on
  } else {
    wait_readable();
  }
}

void Transport::continue_reading() noexcept {
  if (state_ != State::open || outbox_->at_bound()) return;
  session_->on_room();
  if (!paused_ || session_->busy()) return;
  read_into(read_.buffer, read_.size);
}

void Transport::wait_readable() noexcept try {
  if (waiting_readable_ || !descriptor_) return;
  waiting_readable_ = true;
  // A kept handler keeps its connection; it travels with the wait, so that both go with the loop.
  auto go_on = [self = shared_from_this(),
                kept = std::move(kept_handler_)](const asio::error_code& error) mutable {
    self->waiting_readable_ = false;
    // Given back to a connection that is closed, its handler would keep it for ever.
    if (error || self->state_ == State::closed) return;
    self->kept_handler_ = std::move(kept);
    self->on_readable();
  };
  if (wire_->buffered()) {
    asio::post(*context_->loop, [go_on = std::move(go_on)]() mutable { go_on({}); });
  } else {
    descriptor_->async_wait(Descriptor::wait_read, std::move(go_on));
  }
} catch (const std::exception& error) {
  log::error("waiting for a client to speak failed: {}", error.what());
  abort();
}

// Who is not read from, and resets the connection meanwhile, would keep its place until it is read again.
void Transport::wait_hung_up() noexcept try {
  if (waiting_hung_up_ || !descriptor_) return;
  waiting_hung_up_ = true;
  descriptor_->async_wait(Descriptor::wait_error, [self = shared_from_this()](const auto& error) {
    self->waiting_hung_up_ = false;
    if (!error) self->on_hung_up();
  });
} catch (const std::exception& error) {
  log::error("waiting for a client's end failed: {}", error.what());
  abort();
}

void Transport::on_hung_up() noexcept try {
  if (state_ != State::open || !paused_) return;
  // Urgent data wakes this wait, too.
  pollfd asked{descriptor_->native_handle(), 0, 0};
  if (::poll(&asked, 1, 0) != 1) return;
  paused_ = false;
  tell_reader(fault(transport::error::eof), 0);
} catch (const std::exception& error) {
  log::error("the end of {} failed: {}", log::escaped(get_remote_endpoint()), error.what());
  abort();
}

void Transport::on_readable() noexcept try {
  context_->between();
  if (init_handler_) return continue_init();
  if (state_ == State::lingering) return read_away();
  if (state_ != State::open || paused_) return;
  reading_ = true;
  for (int i = 0; i < reads_per_turn; ++i) {
    again_ = false;
    const PendingRead into = read_;
    const ssize_t size = wire_->read(into.buffer, into.size);
    if (size == Wire::blocked) {
      again_ = true;
      break;
    }
    if (size <= 0) {
      reading_ = false;
      return tell_reader(fault(transport::error::eof), 0);
    }
    session_->heard(context_->rules.clock->steady());
    // The answer to an upgrade and the session's first message leave in one write.
    const bool handshake = !session_->upgraded();
    if (handshake) outbox_->cork();
    tell_reader({}, static_cast<std::size_t>(size));
    if (handshake) outbox_->uncork();
    if (!again_ || (!wire_->secure() && static_cast<std::size_t>(size) < into.size)) break;
  }
  reading_ = false;
  if (again_ && state_ == State::open) wait_readable();
} catch (const std::exception& error) {
  reading_ = false;
  log::error("reading from {} failed: {}", log::escaped(get_remote_endpoint()), error.what());
  abort();
}

// A kept handler asks for the next read itself, and would be overwritten while it runs.
void Transport::tell_reader(const websocketpp::lib::error_code& fault, std::size_t size) {
  if (borrowed_handler_ != nullptr) return (*borrowed_handler_)(fault, size);
  const auto handler = std::move(kept_handler_);
  if (handler) (*handler)(fault, size);
}

// --- writing -------------------------------------------------------------------------------------

void Transport::async_write(const char* bytes, std::size_t size, const WriteHandler& handler) {
  if (state_ != State::open) return handler(fault(transport::error::action_after_shutdown));
  outbox_->write({bytes, size});
  handler({});
}

void Transport::async_write(const std::vector<Buffer>& pieces, const WriteHandler& handler) {
  if (state_ != State::open) return handler(fault(transport::error::action_after_shutdown));
  std::string frame;
  for (const Buffer& piece : pieces) frame.append(piece.buf, piece.len);
  const bool pong = !frame.empty() && (static_cast<unsigned char>(frame[0]) & 0x0F) ==
                                          static_cast<unsigned char>(Opcode::pong);
  outbox_->write(frame, pong);
  handler({});
}

void Transport::wait_writable() noexcept try {
  if (waiting_writable_ || !descriptor_) return;
  waiting_writable_ = true;
  descriptor_->async_wait(Descriptor::wait_write,
                          [self = shared_from_this()](const asio::error_code& error) {
                            self->waiting_writable_ = false;
                            if (!error) self->on_writable();
                          });
} catch (const std::exception& error) {
  log::error("waiting for a client to take bytes failed: {}", error.what());
  abort();
}

void Transport::on_writable() noexcept {
  context_->between();
  if (init_handler_) return continue_init();
  if (state_ == State::open || state_ == State::flushing) outbox_->flush();
}

void Transport::on_blocked() noexcept {
  wait_writable();
  const std::size_t left = outbox_->queued_bytes();
  if (state_ == State::flushing && left < flushing_bytes_) allow_for(flushing_bytes_ - left);
  if (session_) session_->on_blocked();
  continue_reading();
}

void Transport::on_drained() noexcept {
  if (state_ == State::flushing) {
    linger();
  } else {
    session_->heard(context_->rules.clock->steady());  // it took the last byte
    continue_reading();
  }
}

void Transport::on_overflow() noexcept {
  // From inside a delivery: the session must not go before the turn is over.
  asio::post(*context_->loop, [self = shared_from_this()] {
    if (self->state_ == State::open) self->session_->on_overflow();
  });
}

// --- the end -------------------------------------------------------------------------------------

void Transport::async_shutdown(const transport::shutdown_handler& handler) {
  const auto self = shared_from_this();
  const bool open = state_ == State::open;
  if (open) state_ = State::flushing;
  paused_ = false;
  handler({});
  if (!open) return;
  outbox_->refuse_events();
  expect_within(std::chrono::duration_cast<Duration>(flush_time));
  flushing_bytes_ = outbox_->queued_bytes();
  if (terminating_) {
    drop();
  } else if (outbox_->waiting()) {
    wait_writable();
  } else {
    linger();
  }
}

void Transport::linger() noexcept {
  state_ = State::lingering;
  wire_->shutdown();
  expect_within(std::chrono::duration_cast<Duration>(linger_time));
  read_away();
}

void Transport::read_away() noexcept {
  char scrap[16'384];
  for (int i = 0; i < reads_per_turn; ++i) {
    const ssize_t size = wire_->read(scrap, sizeof scrap);
    if (size == Wire::blocked) return wait_readable();
    if (size <= 0) return drop();
  }
  wait_readable();
}

void Transport::drop() noexcept {
  if (state_ == State::closed) return;
  state_ = State::closed;
  deadline_.reset();
  if (outbox_) outbox_->shut();
  asio::error_code ignored;
  if (descriptor_) descriptor_->close(ignored);
  paused_ = false;
  kept_handler_.reset();
  init_handler_.reset();
  asio::post(*context_->loop, [self = shared_from_this()] {
    if (self->place_ != not_held) self->context_->connections->release(*self);
  });
}

void Transport::abort() noexcept {
  if (terminating_ || context_ == nullptr) return;
  terminating_ = true;
  asio::post(*context_->loop, [self = shared_from_this()] { self->end_now(); });
}

void Transport::end_now() noexcept {
  peer_->terminate();
  drop();
}

void Transport::expect_within(Duration time) noexcept {
  if (!deadline_) deadline_.reset(new (std::nothrow) Deadline(*this));
  if (!deadline_) return abort();  // else nothing would end it
  first_deadline_ = context_->rules.clock->steady() + time;
  context_->rules.wheel->arm(*deadline_, first_deadline_);
}

// `bytes` have moved since the deadline was set.
void Transport::allow_for(std::size_t bytes) noexcept {
  if (!deadline_) return;
  const std::chrono::milliseconds earned(bytes * 1000 / least_rate);
  context_->rules.wheel->arm(*deadline_, first_deadline_ + earned);
}

void Transport::body_came(std::size_t bytes) noexcept {
  if (state_ == State::open) allow_for(bytes);
}

void Transport::on_time() noexcept {
  if (state_ == State::open) {
    peer_->on_deadline();
  } else {
    // drop() takes the timer with it, so not from inside its call.
    asio::post(*context_->loop, [self = shared_from_this()] { self->drop(); });
  }
}

}  // namespace zws
