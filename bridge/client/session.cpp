#include "client/session.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cassert>

#include "client/client_protocol.hpp"
#include "client/long_request.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::chrono::seconds close_timeout{5};     // for the client's half of the handshake
constexpr std::chrono::seconds stuck_timeout{1};     // for a slow consumer's
constexpr std::chrono::milliseconds lag_check{500};  // while something waits
constexpr std::chrono::seconds age_notice{1};        // between the word and the close
constexpr SteadyTime never = SteadyTime::max();

Session::Id make_id() {
  Session::Id id{};
  if (getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) id.fill(0xFF);
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0F) | 0x40);  // a random UUID, RFC 9562
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3F) | 0x80);
  return id;
}

// Whether `text`, in which everything else is UTF-8, ends in the middle of a character. websocketpp
// looks for that only where a message came in one frame.
bool is_cut_short(std::string_view text) noexcept {
  for (std::size_t behind = 1; behind <= std::min<std::size_t>(3, text.size()); ++behind) {
    const auto byte = static_cast<unsigned char>(text[text.size() - behind]);
    if ((byte & 0xC0) == 0x80) continue;
    return behind < (byte < 0xC0 ? 1U : byte < 0xE0 ? 2U : byte < 0xF0 ? 3U : 4U);
  }
  return false;
}

}  // namespace

Session::Session(Link& link, const SessionRules& rules, std::string address)
    : link_(link),
      rules_(rules),
      address_(std::move(address)),
      id_(make_id()),
      connected_(rules.clock->wall()),
      last_heard_(rules.clock->steady()),
      next_ping_(never),
      handler_deadline_(never) {}

Session::~Session() { assert(!upgraded_ || state_ == State::closed); }

std::string Session::client_id() const {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < id_.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits[id_[i] >> 4];
    text += digits[id_[i] & 15];
  }
  return text;
}

std::string Session::log_name() const {
  const IdentityPtr& who = standing.identity;
  return fmt::format("client {} (user {}, from {})", client_id(),
                     who ? '"' + log::escaped(who->user) + '"' : "anonymous",
                     log::escaped(address_));
}

void Session::open() {
  if (state_ != State::opening) return;
  state_ = State::open;
  const SteadyTime now = rules_.clock->steady();
  opened_ = now;
  next_ping_ = now + config().heartbeat.interval;
  if (leaves_ != never) tell_reconnect(now);
  rearm(now);
}

void Session::send(Opcode opcode, std::string_view payload) noexcept {
  const FrameHeader header(opcode, payload.size());
  std::string frame;
  frame.reserve(header.bytes().size() + payload.size());
  frame.append(header.bytes()).append(payload);
  outbox().write(frame);
}

void Session::send_error(ErrorCode code, std::string_view message, std::string_view id) {
  refuse(code, error_text(code, message, id));
}

void Session::refuse(ErrorCode code, std::string_view text) noexcept {
  rules_.metrics->count_refusal(code);
  send_text(text);
}

void Session::close(CloseCode code) noexcept {
  if (left()) return;
  state_ = State::draining;
  close_code_ = static_cast<std::uint16_t>(code);
  const SteadyTime now = rules_.clock->steady();
  const bool stuck = code == CloseCode::slow_consumer || code == CloseCode::no_sign_of_life;
  // What ends a right ends delivery at once; what waits would only be in the way of the code.
  const bool right_ended = code == CloseCode::token || code == CloseCode::kicked;
  if (stuck) outbox().discard(DropReason::slow_consumer);
  if (right_ended) outbox().discard_events(DropReason::disconnected);
  close_deadline_ = now + (stuck ? stuck_timeout : close_timeout);
  outbox().refuse_events();
  rules_.handler->on_leave(*this);
  link_.close(code, reason_of(code));
  if (state_ != State::closed) rearm(now);
}

void Session::send_away(Duration time) noexcept {
  const SteadyTime now = rules_.clock->steady();
  leave_at(now + std::chrono::duration_cast<Duration>(time * luck()), now);
}

void Session::leave_at(SteadyTime when, SteadyTime now) noexcept {
  if (left() || when >= leaves_) return;
  leaves_ = when;
  if (state_ == State::open) tell_reconnect(now);
  if (when <= now) return close(CloseCode::restart);
  rearm(now);
}

// From 0 to 1: its own share of whatever is spread over clients, drawn with its id.
double Session::luck() const noexcept { return (id_[0] * 256 + id_[1]) / 65536.0; }

void Session::tell_reconnect(SteadyTime now) noexcept {
  const auto left = std::chrono::ceil<Duration>(std::max(leaves_, now) - now);
  char text[64];
  const auto end =
      fmt::format_to_n(text, sizeof text, R"({{"type":"reconnect","after_ms":{}}})", left.count());
  send_text({text, end.size});
}

// Each client has its own, or all that came at once would go at once.
SteadyTime Session::too_old() const noexcept {
  const Duration age = config().server.max_connection_age;
  if (age.count() == 0 || state_ != State::open || leaves_ != never) return never;
  return opened_ + std::chrono::duration_cast<Duration>(age * (0.9 + luck() / 5));
}

void Session::on_closed(std::uint16_t code) noexcept {
  if (state_ == State::closed) return;
  if (state_ != State::draining) rules_.handler->on_leave(*this);
  state_ = State::closed;
  cancel();
  if (close_code_ == 0) close_code_ = code;
  rules_.metrics->count_closed(close_code_);
}

void Session::on_reload() noexcept {
  outbox().set_limit(config().limits.queue_bytes);
  link_.limit_messages(config().limits.message_bytes);
  if (state_ != State::open) return;
  const SteadyTime now = rules_.clock->steady();
  const Duration interval = config().heartbeat.interval;
  // Each at a moment of its own: else all would be pinged at one from now on.
  if (next_ping_ > now + interval)
    next_ping_ = now + std::chrono::duration_cast<Duration>(interval * luck());
  rearm(now);
}

void Session::on_message(std::string_view message, bool binary) {
  if (left()) return;
  if (!binary && is_cut_short(message)) return close(CloseCode::not_utf8);
  rules_.handler->on_message(*this, message, binary);
}

void Session::on_bytes(std::string_view bytes) noexcept {
  if (left()) return;
  const FrameMeter::Seen seen = usage.meter.read(bytes);
  const std::size_t answers = std::min<std::size_t>(seen.pongs, pings_);
  pings_ = static_cast<std::uint8_t>(pings_ - answers);
  const std::size_t cost = seen.cost + seen.pongs - answers;
  if (cost == 0) return;
  const auto rate = static_cast<double>(config().limits.messages_per_second);
  const SteadyTime now = rules_.clock->steady();
  const auto wait = usage.bucket.overdraw(now, rate, 2 * rate, static_cast<double>(cost));
  if (wait.count() == 0) return;
  reads_at_ = now + wait;
  rearm(now);
}

std::size_t Session::held_bytes() const noexcept {
  return outbox().queued_bytes() + (left() ? usage.meter.unfinished() : usage.held_bytes());
}

void Session::close_for_memory() noexcept {
  unheard_ = usage.meter.unfinished() != 0;
  close(CloseCode::slow_consumer);
}

// It has taken what went before: that is a sign of life, too. Its word may be held up behind what it
// still has to read.
void Session::on_blocked() noexcept {
  const SteadyTime now = rules_.clock->steady();
  heard(now);
  rearm(now);
}

void Session::go_on_reading() noexcept {
  heard(rules_.clock->steady());
  link_.go_on_reading();
}

void Session::on_replaced() noexcept try {
  if (!left()) rules_.handler->on_replaced(*this);
} catch (const std::exception& error) {
  log::error("a client's replaced events could not be booked: {}", error.what());
}

void Session::wake_at(SteadyTime when) noexcept {
  handler_deadline_ = when;
  rearm(rules_.clock->steady());
}

SteadyTime Session::next_deadline(SteadyTime now) const noexcept {
  if (state_ == State::draining) return close_deadline_;
  SteadyTime next = std::min(next_ping_, handler_deadline_);
  if (state_ == State::open) next = std::min(next, last_heard_ + config().heartbeat.timeout);
  next = std::min({next, leaves_, reads_at_, too_old()});
  if (outbox().waiting()) next = std::min(next, now + lag_check);
  return next;
}

void Session::rearm(SteadyTime now) noexcept {
  const SteadyTime next = next_deadline(now);
  if (next == never) {
    cancel();
  } else {
    rules_.wheel->arm(*this, next);
  }
}

void Session::on_timer(SteadyTime now) noexcept try {
  if (state_ == State::closed) return;
  if (state_ == State::draining) {
    if (now < close_deadline_) return rearm(now);
    link_.abort();
    return;
  }
  SteadyTime stalled{};
  if (outbox().stalled_since(stalled) && now - stalled >= config().limits.stalled_timeout)
    return close(CloseCode::slow_consumer);
  if (now >= leaves_) return close(CloseCode::restart);
  if (now >= too_old()) leave_at(now + age_notice, now);
  if (state_ == State::open) {
    if (now - last_heard_ >= config().heartbeat.timeout && !link_.deaf())
      return close(CloseCode::no_sign_of_life);
    if (now >= next_ping_) {
      next_ping_ = now + config().heartbeat.interval;
      outbox().write(FrameHeader(Opcode::ping, 0).bytes());
      pings_ = static_cast<std::uint8_t>(std::min(pings_ + 1, 255));
    }
  }
  if (now >= reads_at_) {
    reads_at_ = never;
    if (!busy()) go_on_reading();
  }
  if (now >= handler_deadline_) {
    handler_deadline_ = never;
    rules_.handler->on_timer(*this, now);
  }
  if (!left()) rearm(now);
} catch (const std::exception& error) {
  log::error("a session's timer failed: {}", error.what());
  link_.abort();
}

}  // namespace zws
