#include "delivery.hpp"

#include <CLI/CLI.hpp>
#include <limits>
#include <sstream>
#include <vector>

#include "core/log.hpp"
#include "core/topic.hpp"
#include "duration.hpp"
#include "failure.hpp"
#include "http_client.hpp"
#include "small_file.hpp"

namespace zws::tool {
namespace {

// A bridge that takes nothing for so long is not coming back while we wait.
constexpr std::chrono::milliseconds full_wait{10'000};
constexpr std::chrono::milliseconds linger{5'000};
constexpr std::chrono::milliseconds http_wait{1'000};

std::string key_of(const std::string& what, const std::string& file) {
  return file.empty() ? std::string() : read_small_file(what, file);
}

PublisherOptions publisher_options(const DeliveryOptions& options) {
  PublisherOptions made;
  made.headers = options.header;
  made.full_wait = full_wait;
  made.early_seconds = std::chrono::milliseconds{0};  // a command ends where its bridge is not
  made.repair = {};
  made.max_event_bytes = std::numeric_limits<std::size_t>::max();  // the bridge judges
  made.linger = std::chrono::milliseconds{0};  // finish() has waited; a Failure need not
  made.curve_server_key = key_of("the bridge's public key", options.curve_server_key_file);
  made.curve_secret_key = key_of("the secret key", options.curve_secret_key_file);
  return made;
}

// One, or several with commas between them, as in ZWS_ENDPOINT.
std::vector<std::string> endpoints_of(const std::string& list) {
  std::vector<std::string> endpoints;
  std::istringstream text(list);
  for (std::string one; std::getline(text, one, ',');) {
    one.erase(0, one.find_first_not_of(' '));
    one.erase(one.find_last_not_of(' ') + 1);
    if (!one.empty()) endpoints.push_back(one);
  }
  return endpoints;
}

// Whether web pages and clients are served there: the one port of the bridge taken for the other.
bool speaks_http(const std::string& endpoint) {
  constexpr std::string_view tcp = "tcp://";
  if (endpoint.compare(0, tcp.size(), tcp) != 0) return false;
  try {
    const Url url = Url::parse("http://" + endpoint.substr(tcp.size()) + "/healthz");
    return http_call({"GET", {}, http_wait}, url, {}, {}).status != 0;
  } catch (const Failure&) {
    return false;
  }
}

}  // namespace

void add_delivery_options(CLI::App& command, DeliveryOptions& options) {
  command
      .add_option("--to", options.to,
                  "The ZeroMQ endpoint where the bridge listens (default: $ZWS_ENDPOINT)")
      ->envname("ZWS_ENDPOINT")
      ->type_name("ENDPOINT")
      ->capture_default_str();
  command.add_option("--wait", options.wait, "How long to wait for a bridge to listen there")
      ->type_name("TIME")
      ->capture_default_str();
  command
      .add_option("--curve-server-key-file", options.curve_server_key_file,
                  "CURVE: the bridge's public key")
      ->type_name("FILE");
  command
      .add_option("--curve-secret-key-file", options.curve_secret_key_file,
                  "CURVE: this producer's secret key (else a new one is made)")
      ->type_name("FILE");
}

Delivery::Delivery(const DeliveryOptions& options)
    : to_(options.to), wait_(parse_duration("--wait", options.wait, std::chrono::milliseconds{0})) {
  try {
    publisher_ = std::make_unique<Publisher>(endpoints_of(to_), publisher_options(options));
  } catch (const PublisherError& error) {
    throw Failure(Exit::usage, error.what());
  }
}

void Delivery::wait_for_bridge(std::string_view topic) {
  using std::chrono::milliseconds;
  if (topic_fault(topic) != TopicFault::none) check(Outcome::bad_topic, topic);
  if (publisher_->wait_ready(wait_, topic)) return;
  if (!publisher_->wait_ready(milliseconds{0}) && speaks_http(to_))
    throw Failure(Exit::cannot_connect,
                  "what listens at " + to_ +
                      " speaks HTTP, not ZeroMQ: clients connect there. Name where the bridge "
                      "takes producers' messages (ingest.bind), by default " +
                      std::string(default_endpoint));
  if (publisher_->refused())
    throw Failure(Exit::denied, "what listens at " + to_ +
                                    " refuses to speak with us: it wants other CURVE keys (see "
                                    "--curve-server-key-file) or none, or it is no bridge");
  if (publisher_->wait_ready(milliseconds{0}))
    throw Failure(Exit::cannot_connect, "the bridge at " + to_ +
                                            " does not ask producers for topics like '" +
                                            log::escaped(topic) + "' (its ingest.subscribe)");
  throw Failure(Exit::cannot_connect, "no bridge is listening at " + to_ + " (waited " +
                                          std::to_string(wait_.count()) + " ms)");
}

void Delivery::check(Outcome outcome, std::string_view topic) const {
  switch (outcome) {
    case Outcome::sent: return;
    case Outcome::bad_topic:
      throw Failure(Exit::usage,
                    "'" + log::escaped(topic) +
                        "' is not a topic: 1 to 255 bytes of UTF-8 without '*' and control "
                        "characters; of the names with '@' only @all and @user/<id>");
    case Outcome::bad_key: throw Failure(Exit::usage, "a key is up to 255 bytes of UTF-8");
    case Outcome::bad_json:
    case Outcome::too_big: throw Failure(Exit::usage, std::string(describe(outcome)));
    case Outcome::queue_full:
      throw Failure(Exit::failed, "the bridge at " + to_ + " takes no more: the queue stayed full");
    case Outcome::no_bridge:
    case Outcome::closed: throw Failure(Exit::failed, "the bridge at " + to_ + " has gone");
  }
}

void Delivery::finish() {
  if (!publisher_->close(linger))
    throw Failure(Exit::failed, "the bridge at " + to_ + " has gone: not all messages could leave");
}

}  // namespace zws::tool
