#include "api/ready_check.hpp"

#include <utility>

#include "api/list_query.hpp"
#include "core/json_text.hpp"

namespace zws {
namespace {

// Why the next client is answered 503, though the bridge is ready; empty where it is not.
std::string refusal_of_clients(const Admission& admission) {
  switch (admission.standing()) {
    case Admission::Answer::short_of_memory:
      return "short of memory (limits.memory_bytes): new clients are answered 503";
    case Admission::Answer::full: return "full (limits.connections): new clients are answered 503";
    default: return {};
  }
}

}  // namespace

Readiness ReadyCheck::now() const {
  Readiness found;
  const auto keys = parts_.key_fetcher->state();
  if (parts_.lanes->draining()) {
    found.reasons.emplace_back("the bridge stops");
  } else if (!*parts_.started) {
    found.reasons.emplace_back("the bridge starts");
  } else if (keys == KeyFetcher::State::missing) {
    found.reasons.emplace_back("the keys of auth.jwks_url have not come yet");
  } else {
    found.ready = true;
    if (keys == KeyFetcher::State::stale)
      found.reasons.emplace_back(
          "the keys of auth.jwks_url cannot be fetched, those from before stay");
    if (std::string refusal = refusal_of_clients(parts_.lanes->admission()); !refusal.empty())
      found.reasons.push_back(std::move(refusal));
  }
  if (parts_.fleet != nullptr) {
    const std::string apart = parts_.fleet->trouble();
    if (!apart.empty()) found.reasons.push_back("relay: " + apart);
  }
  return found;
}

std::string readiness_json(const Readiness& readiness) {
  std::vector<std::string> reasons;
  for (const std::string& reason : readiness.reasons) reasons.push_back(json_string(reason));
  return JsonObject().boolean("ready", readiness.ready).json("reasons", json_list(reasons)).done();
}

}  // namespace zws
