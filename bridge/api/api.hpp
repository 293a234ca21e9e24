// Api: what the port answers besides WebSocket clients.
//
// Thread: handle() on any lane; answers that need other lanes are gathered, never waited for.
// Lifetime: outlives the lanes' threads.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "config/config.hpp"
#include "core/http.hpp"
#include "metrics/metrics.hpp"
#include "routing/intake.hpp"
#include "ws/lanes.hpp"

namespace zws {

class Api final : public HttpHandler {
 public:
  struct Parts {
    ConfigPtr config;
    Lanes* lanes = nullptr;
    Intake* intake = nullptr;
    Verifier* verifier = nullptr;
    const Metrics* metrics = nullptr;
    std::string share_folder;  // where the console's files are
  };

  explicit Api(Parts parts);

  void handle(HttpRequest request, HttpReply reply) noexcept override;

  // Every socket is bound and the keys are loaded.
  void set_ready() noexcept { ready_ = true; }

  void reload(ConfigPtr config);

 private:
  HttpResponse answer(const HttpRequest& request);
  HttpResponse ready() const;
  HttpResponse file(const std::string& name, const std::string& content_type) const;

  Parts parts_;
  std::atomic<bool> ready_{false};
};

}  // namespace zws
