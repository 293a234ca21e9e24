// Api: what the port answers besides WebSocket clients (docs/REST.md).
//
// It finds the call, lets in who may call it, and answers what is wrong; Calls does the work.
//
// Thread: handle() on any lane; a token that takes long is checked on the verifier's thread; Calls does its
// work on the clerk's, so that no lane stands still for it.
// Lifetime: outlives the lanes' threads; stop() before they end.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "api/calls.hpp"
#include "api/ready_check.hpp"
#include "api/share_files.hpp"
#include "auth/key_fetcher.hpp"
#include "auth/verifier.hpp"
#include "client/access.hpp"
#include "config/config.hpp"
#include "core/fleet.hpp"
#include "core/http.hpp"
#include "core/log.hpp"

namespace zws {

class Api final : public HttpHandler {
 public:
  struct Parts {
    ConfigPtr config;
    Origins origins;  // of it
    Lanes* lanes = nullptr;
    Exchange* exchange = nullptr;
    Verifier* verifier = nullptr;
    const Metrics* metrics = nullptr;
    std::string share_folder;  // where the console's files are
    const KeyFetcher* key_fetcher = nullptr;
    std::string name;        // of this bridge
    Fleet* fleet = nullptr;  // null: it stands alone
  };

  explicit Api(Parts parts);

  void handle(HttpRequest request, HttpReply reply) noexcept override;

  // Every socket is bound and the keys are loaded.
  void set_ready() noexcept { ready_ = true; }

  void reload(const ConfigPtr& config, const Origins& origins);

  // Called about once a second by one thread.
  void each_second() {
    calls_.sample();
    audit_valves_->tell(std::chrono::steady_clock::now());
  }

  // What administrators ask from now on is never answered.
  void stop() { clerk_.stop(); }

  Calls& calls() noexcept { return calls_; }

 private:
  struct Rules {
    ConfigPtr config;
    Access access;
    ShareFiles files;  // as they lay there at the start or the last reload
  };
  struct Route;

  static const std::vector<Route>& routes();
  static bool is_administrative(const Rules& rules, const HttpRequest& request);
  void answer(const Rules& rules, ApiRequest request, HttpReply& reply);
  void admit(const Rules& rules, const Route& route, ApiRequest request, HttpReply reply);
  std::optional<HttpResponse> objection(const Route& route, const ApiRequest& request);
  void call(const Route& route, ApiRequest request, const HttpReply& reply) noexcept;
  void hand_over(const Route& route, ApiRequest request, const HttpReply& reply);
  void do_call(const Route& route, const ApiRequest& request, const HttpReply& reply) noexcept;
  static void check_body(const HttpRequest& request, std::size_t bytes_max);

  void healthz(const ApiRequest& request, HttpReply reply);
  void readyz(const ApiRequest& request, HttpReply reply);
  void metrics(const ApiRequest& request, HttpReply reply);
  void console(const ApiRequest& request, HttpReply reply);
  void asset(const ApiRequest& request, HttpReply reply);
  void client(const ApiRequest& request, HttpReply reply);
  void openapi(const ApiRequest& request, HttpReply reply);
  void upgrade_required(const ApiRequest& request, HttpReply reply);

  const Parts parts_;
  std::shared_ptr<const Rules> rules_;  // by std::atomic_load and _store
  std::atomic<bool> ready_{false};
  const ReadyCheck ready_check_;
  Calls calls_;
  log::Quiet host_log_;
  log::Quiet origin_log_;
  // Those of administrators' calls that are let go of late outlive this.
  const std::shared_ptr<AuditValves> audit_valves_ = std::make_shared<AuditValves>();
  Clerk clerk_;  // last: what it does uses all the rest
};

}  // namespace zws
