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

HttpResponse fleet_response(const std::vector<FleetMember>& members) {
  std::vector<std::string> rows;
  for (const FleetMember& member : members) rows.push_back(member_json(member));
  HttpResponse response;
  response.body = JsonObject().json("bridges", json_list(rows)).done();
  return response;
}

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

}  // namespace zws
