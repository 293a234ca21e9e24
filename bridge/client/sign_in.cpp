#include "client/sign_in.hpp"

#include <asio/post.hpp>
#include <thread>

#include "auth/grants.hpp"
#include "client/access.hpp"
#include "core/json_text.hpp"

namespace zws {
namespace {

constexpr std::chrono::seconds wall_clock_interval{60};

std::string user_json(const IdentityPtr& identity) {
  return identity && !identity->user.empty() ? json_string(identity->user) : "null";
}

std::string expires_json(const IdentityPtr& identity) {
  return identity && !identity->expires.empty() ? json_string(identity->expires) : "null";
}

ErrorCode code_of(TokenFault fault) {
  return fault == TokenFault::expired ? ErrorCode::token_expired
         : fault == TokenFault::busy  ? ErrorCode::rate_limited
                                      : ErrorCode::invalid_token;
}

std::string message_of(const Verdict& verdict) {
  return verdict.fault == TokenFault::expired ? "the token has expired"
         : verdict.fault == TokenFault::busy  ? verdict.reason + "; try again"
                                              : "the token is not valid";
}

}  // namespace

SignIn::SignIn(Parts parts, Events events) : parts_(std::move(parts)), events_(std::move(events)) {}

void SignIn::upgrade(Session& session, const std::string& token) {
  Standing& standing = session.standing;
  standing.from_open_mode = open_mode();
  if (standing.from_open_mode) {
    // Everyone counts as signed in; the admin token makes an administrator, any other says nothing.
    if (parts_.admin_token->matches(token)) {
      Identity admin;
      admin.admin = true;
      standing.identity = std::make_shared<const Identity>(std::move(admin));
    }
    return admit(session);
  }
  if (token.empty()) {
    standing.may_stay = session.config().auth.anonymous.connect;
    admit(session);
    if (!standing.may_stay)
      session.wake_at(session.rules().clock->steady() + session.config().auth.timeout);
    return;
  }
  session.usage.pending = std::make_unique<Pending>();
  check(session, token);
}

void SignIn::review(Session& session) {
  Standing& standing = session.standing;
  if (open_mode()) return;
  judge_again(session);
  if (session.left()) return;
  // It came without a user's token, as nobody asked for one; from now on somebody does.
  if (standing.from_open_mode && (!session.identity() || session.identity()->user.empty())) {
    if (session.state() != Session::State::open) return;
    session.send_error(ErrorCode::unauthorized, "a key was configured: sign in with a token");
    return session.close(CloseCode::token);
  }
  if (session.identity() || session.state() != Session::State::open) return;
  const AuthConfig& auth = session.config().auth;
  if (standing.may_stay && !auth.anonymous.connect)
    session.wake_at(session.rules().clock->steady() + auth.timeout);
  standing.may_stay = auth.anonymous.connect;
}

// What its token means, and whether it is good, may have changed since it was read.
void SignIn::judge_again(Session& session) {
  if (!session.identity() || session.identity()->user.empty()) return;
  const Verdict verdict = parts_.verifier->again(session.identity());
  if (verdict.fault != TokenFault::none) {
    if (!session.standing.token_ended) end_token_for(session, verdict);
  } else if (verdict.identity->user != session.identity()->user) {
    session.close(CloseCode::restart);  // its token is good, but for somebody else
  } else if (verdict.identity != session.identity()) {
    session.standing.identity = verdict.identity;
    watch_expiry(session);
  }
}

void SignIn::authenticate(Session& session, const std::string& token, const std::string& id) {
  if (open_mode()) {
    if (parts_.admin_token->matches(token)) {
      Identity admin;
      admin.admin = true;
      session.standing.identity = std::make_shared<const Identity>(std::move(admin));
    }
    session.send_text(JsonObject()
                          .text("type", "auth")
                          .boolean("success", true)
                          .json("user", "null")
                          .json("expires", "null")
                          .json("id", id)
                          .done());
    return;
  }
  session.usage.pending = std::make_unique<Pending>();
  session.usage.pending->authenticating = true;
  session.usage.pending->request_id = id;
  check(session, token);
}

// The verdict may come within the call or later from another thread; by then the session may be gone,
// so it is found again by its ticket.
void SignIn::check(Session& session, const std::string& token) {
  const std::uint64_t ticket = session.place.ticket;
  const auto lane = std::this_thread::get_id();
  auto inside = std::make_shared<bool>(true);
  const auto done = [this, ticket, lane, inside](Verdict verdict) {
    if (std::this_thread::get_id() == lane && *inside) {  // in this order: `inside` is the lane's
      return take(ticket, std::move(verdict));
    }
    asio::post(*parts_.loop, [this, ticket, verdict = std::move(verdict)]() mutable {
      take(ticket, std::move(verdict));
    });
  };
  parts_.verifier->verify(token, done, address_key(session.address()));
  *inside = false;
}

// Who cannot be told must not stay: nothing would be read from it any more.
void SignIn::take(std::uint64_t ticket, Verdict verdict) noexcept {
  Session* session = parts_.find(ticket);
  if (session == nullptr) return;
  try {
    decide(*session, std::move(verdict));
  } catch (const std::exception& error) {
    log::error("a token's verdict could not be told: {}", error.what());
    session->abort();
  }
}

void SignIn::decide(Session& session, Verdict verdict) {
  if (!session.usage.pending) return;
  // It may have been on its way while a reload came.
  if (verdict.fault == TokenFault::none) verdict = parts_.verifier->again(verdict.identity);
  const std::unique_ptr<Pending> pending = std::move(session.usage.pending);
  if (verdict.fault == TokenFault::invalid || verdict.fault == TokenFault::expired) {
    const auto now = session.rules().clock->steady();
    if (verdict.counts) parts_.admission->count_failed_token(address_key(session.address()), now);
    std::uint64_t suppressed = 0;
    if (log_.pass(suppressed))
      log::info("refused a token from {}: {}{}", log::escaped(session.address()),
                log::escaped(verdict.reason, 500), log::more(suppressed));
  }
  if (pending->authenticating) {
    answer_auth(session, verdict, pending->request_id);
  } else if (verdict.fault != TokenFault::none) {
    return refuse_upgrade(session, code_of(verdict.fault), message_of(verdict));
  } else if (!take_identity(session, verdict.identity)) {
    session.send_error(ErrorCode::limit_exceeded, "too many connections of this user");
    session.close(CloseCode::try_later);
    return;
  } else {
    admit(session);
  }
  events_.on_waited(session, pending->messages);
}

void SignIn::refuse_upgrade(Session& session, ErrorCode code, const std::string& reason) {
  session.send_error(code, reason);
  session.close(code == ErrorCode::rate_limited ? CloseCode::try_later : CloseCode::token);
}

void SignIn::admit(Session& session) {
  const Config& config = session.config();
  events_.on_known(session);
  session.send_text(
      JsonObject()
          .text("type", "connection")
          .text("status", "connected")
          .text("client_id", session.client_id())
          .json("user", user_json(session.identity()))
          .json("expires", expires_json(session.identity()))
          .text("timestamp", rfc3339(session.rules().clock->wall()))
          .number("heartbeat",
                  static_cast<std::uint64_t>(
                      std::chrono::ceil<std::chrono::seconds>(config.heartbeat.interval).count()))
          .done());
  session.open();
}

void SignIn::answer_auth(Session& session, const Verdict& verdict, const std::string& id) {
  const auto refuse = [&](ErrorCode code, std::string_view message) {
    session.refuse(code, JsonObject()
                             .text("type", "auth")
                             .boolean("success", false)
                             .text("code", name_of(code))
                             .text("message", message)
                             .json("id", id)
                             .done());
    events_.on_error(session);
  };
  if (verdict.fault != TokenFault::none) return refuse(code_of(verdict.fault), message_of(verdict));
  if (session.identity() && session.identity()->user != verdict.identity->user)
    return refuse(ErrorCode::forbidden, "the token belongs to another user");
  if (!take_identity(session, verdict.identity))
    return refuse(ErrorCode::limit_exceeded, "too many connections of this user");
  events_.on_known(session);
  session.send_text(JsonObject()
                        .text("type", "auth")
                        .boolean("success", true)
                        .json("user", user_json(session.identity()))
                        .json("expires", expires_json(session.identity()))
                        .json("id", id)
                        .done());
  events_.on_rights(session);
}

bool SignIn::take_identity(Session& session, IdentityPtr identity) {
  Standing& standing = session.standing;
  if (!standing.user_counted) {
    if (!parts_.admission->enter_user(identity->user)) return false;
    standing.user_counted = true;
  }
  standing.identity = std::move(identity);
  standing.may_stay = true;
  watch_expiry(session);
  return true;
}

void SignIn::watch_expiry(Session& session) {
  Standing& standing = session.standing;
  standing.token_ended = false;
  standing.token_ends = {};
  if (!session.identity() || !session.identity()->ends) return;
  foresee_expiry(session);
}

// A token ends by the wall clock, which may be set, and goes on while the machine sleeps; the steady
// one does neither. So they are compared again at least once a minute.
void SignIn::foresee_expiry(Session& session) {
  const Clock& clock = *session.rules().clock;
  // A token that ends in a hundred years never does; adding that to a clock would overflow.
  const auto left = std::min<std::chrono::system_clock::duration>(
      *session.identity()->ends - clock.wall(), std::chrono::hours(24 * 365));
  session.standing.token_ends = clock.steady() + left;
  session.wake_at(std::min(session.standing.token_ends, clock.steady() + wall_clock_interval));
}

void SignIn::end_token_for(Session& session, const Verdict& verdict) {
  std::uint64_t suppressed = 0;
  if (log_.pass(suppressed))
    log::info("the token of {} ends before its time: {}{}", session.log_name(),
              log::escaped(verdict.reason, 200), log::more(suppressed));
  end_token(session, verdict);
}

// From now on its grace runs.
void SignIn::end_token(Session& session, const Verdict& verdict) {
  Standing& standing = session.standing;
  standing.token_ended = true;
  standing.token_ends = session.rules().clock->steady();
  session.send_error(code_of(verdict.fault), message_of(verdict));
  session.wake_at(standing.token_ends + session.config().auth.expiry_grace);
}

void SignIn::on_timer(Session& session, SteadyTime now) {
  Standing& standing = session.standing;
  if (!standing.may_stay) {
    session.send_error(ErrorCode::unauthorized, "no token came in time");
    return session.close(CloseCode::token);
  }
  if (standing.token_ends == SteadyTime{}) return;
  if (!standing.token_ended) foresee_expiry(session);
  if (now < standing.token_ends) return;
  const SteadyTime grace_ends = standing.token_ends + session.config().auth.expiry_grace;
  if (!standing.token_ended) {
    end_token(session, Verdict::expired());
  } else if (now >= grace_ends) {
    session.close(CloseCode::token);
  } else {
    session.wake_at(grace_ends);
  }
}

void SignIn::on_leave(Session& session) noexcept {
  session.usage.pending.reset();
  if (std::exchange(session.standing.user_counted, false))
    parts_.admission->leave_user(session.identity()->user);
}

}  // namespace zws
