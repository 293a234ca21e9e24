// SignIn, authentication: who a client is: by the token of its upgrade, by `auth` later, and until when.
//
// Thread: its lane only; the verifier's thread posts its verdicts here. Lifetime: one per lane.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "auth/admin_token.hpp"
#include "auth/verifier.hpp"
#include "client/admission.hpp"
#include "client/client_protocol.hpp"
#include "client/session.hpp"
#include "core/log.hpp"

namespace zws {

class SignIn {
 public:
  struct Parts {
    asio::io_context* loop = nullptr;
    Verifier* verifier = nullptr;
    const AdminToken* admin_token = nullptr;
    Admission* admission = nullptr;
    // Finds a session again after a wait; null if it has gone.
    std::function<Session*(std::uint64_t ticket)> find;
  };
  struct Events {
    // It is in, or somebody now; before it is told, so that it misses nothing that comes after that.
    std::function<void(Session&)> on_known;
    std::function<void(Session&)> on_rights;  // its identity changed, and it has been told
    // Its token has been judged: what it said in the meantime has its turn, and it is read again.
    std::function<void(Session&, const std::vector<std::string>& messages)> on_waited;
    // An `auth` of it failed: one of the errors that a client may make.
    std::function<void(Session&)> on_error = [](Session&) {};
  };

  SignIn(Parts parts, Events events);

  bool open_mode() const noexcept { return parts_.verifier->open(); }

  void upgrade(Session& session, const std::string& token);

  // After a reload: a token may mean something else or be good no longer, and who is anonymous may not
  // be any more, or again.
  void review(Session& session);

  // The answer to `auth` comes when the token has been checked.
  void authenticate(Session& session, const std::string& token, const std::string& id);

  // Tells and ends expired identities, and anonymous ones that may not stay.
  void on_timer(Session& session, SteadyTime now);

  void on_leave(Session& session) noexcept;

 private:
  void judge_again(Session& session);
  void end_token_for(Session& session, const Verdict& verdict);
  static void end_token(Session& session, const Verdict& verdict);
  void check(Session& session, const std::string& token);
  void take(std::uint64_t ticket, Verdict verdict) noexcept;
  void decide(Session& session, Verdict verdict);
  void admit(Session& session);
  void refuse_upgrade(Session& session, ErrorCode code, const std::string& reason);
  void answer_auth(Session& session, const Verdict& verdict, const std::string& id);
  bool take_identity(Session& session, IdentityPtr identity);
  void watch_expiry(Session& session);
  static void foresee_expiry(Session& session);

  Parts parts_;
  Events events_;
  log::Quiet log_;
};

}  // namespace zws
