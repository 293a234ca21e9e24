#include "api/bridge_calls.hpp"

#include "api/list_query.hpp"
#include "config/advice.hpp"
#include "config/print.hpp"
#include "core/json_text.hpp"
#include "core/version.hpp"

namespace zws {
namespace {

std::string member_json(const FleetMember& member) {
  return JsonObject()
      .text("name", member.name)
      .text("version", member.version)
      .text("address", member.address)
      .number("clients", member.clients)
      .text("since", member.since)
      .json("lag_ms", member.lag_ms ? std::to_string(*member.lag_ms) : "null")
      .text("state", member.state)
      .done();
}

std::string members_json(const std::vector<FleetMember>& members) {
  std::vector<std::string> rows;
  for (const FleetMember& member : members) rows.push_back(member_json(member));
  return json_list(rows);
}

HttpResponse fleet_response(const std::vector<FleetMember>& members) {
  HttpResponse response;
  response.body = JsonObject().json("bridges", members_json(members)).done();
  return response;
}

constexpr std::chrono::seconds news_last{5};  // what came while nobody was told any more is old

}  // namespace

void BridgeCalls::reload(const ConfigPtr& config, const Origins& origins) {
  std::atomic_store(&in_force_, std::make_shared<const InForce>(
                                    InForce{config, origins, std::chrono::system_clock::now()}));
}

void BridgeCalls::config(const ApiRequest&, HttpReply reply) {
  const auto in_force = std::atomic_load(&in_force_);
  std::vector<std::string> remarks;
  for (const std::string& line : advice(*in_force->config, in_force->origins))
    remarks.push_back(json_string(line));
  HttpResponse response;
  response.body = JsonObject()
                      .text("since", rfc3339(in_force->since))
                      .boolean("last_reload_failed", parts_.metrics->reload_failed.value() != 0)
                      .json("values", config_json(*in_force->config, in_force->origins))
                      .json("remarks", json_list(remarks))
                      .done();
  reply(std::move(response));
}

FleetMember BridgeCalls::self() const {
  const auto& addresses = parts_.lanes->addresses();
  const std::string_view state = parts_.lanes->draining() ? "draining"
                                 : *parts_.ready          ? "ready"
                                                          : "starting";
  return {parts_.name,
          std::string(version()),
          addresses.empty() ? "" : addresses.front().text,
          parts_.lanes->admission().connections(),
          rfc3339(started_),
          std::nullopt,
          std::string(state)};
}

void BridgeCalls::bridges(const ApiRequest&, HttpReply reply) {
  if (parts_.fleet == nullptr) return reply(fleet_response({self()}));
  parts_.fleet->members([reply = std::move(reply)](const std::vector<FleetMember>& members) {
    reply(fleet_response(members));
  });
}

std::string BridgeCalls::news() {
  if (parts_.fleet == nullptr) return members_json({self()});
  std::unique_lock lock(news_->mutex);
  std::string list = std::exchange(news_->list, {});
  if (std::chrono::steady_clock::now() - news_->since > news_last) list.clear();
  if (std::exchange(news_->is_asked, true)) return list;
  lock.unlock();  // the fleet may answer at once
  parts_.fleet->members([news = news_](const std::vector<FleetMember>& members) {
    std::string found = members_json(members);
    const std::lock_guard found_lock(news->mutex);
    news->list = std::move(found);
    news->since = std::chrono::steady_clock::now();
    news->is_asked = false;
  });
  return list;
}

}  // namespace zws
