#include "api/bridge_calls.hpp"

#include <unistd.h>

#include <array>

#include "api/list_query.hpp"
#include "config/advice.hpp"
#include "config/print.hpp"
#include "core/json_text.hpp"
#include "core/topic.hpp"
#include "core/version.hpp"

namespace zws {
namespace {

std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || !is_utf8(name.data())) return "localhost";
  return name.data();
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

void BridgeCalls::bridges(const ApiRequest&, HttpReply reply) {
  const auto& addresses = parts_.lanes->addresses();
  const std::string_view state = parts_.lanes->draining() ? "draining"
                                 : *parts_.ready          ? "ready"
                                                          : "starting";
  const std::string row = JsonObject()
                              .text("name", machine_name())
                              .text("version", version())
                              .text("address", addresses.empty() ? "" : addresses.front().text)
                              .number("clients", parts_.lanes->admission().connections())
                              .text("since", rfc3339(started_))
                              .json("lag_ms", "null")
                              .text("state", state)
                              .done();
  HttpResponse response;
  response.body = JsonObject().json("bridges", json_list({row})).done();
  reply(std::move(response));
}

}  // namespace zws
