#include "api/api.hpp"

#include <fstream>
#include <sstream>

#include "core/log.hpp"
#include "metrics/prometheus.hpp"

namespace zws {
namespace {

HttpResponse text(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

}  // namespace

Api::Api(Parts parts) : parts_(std::move(parts)) {}

void Api::reload(ConfigPtr config) { std::atomic_store(&parts_.config, std::move(config)); }

void Api::handle(HttpRequest request, HttpReply reply) noexcept try {
  reply(answer(request));
} catch (const std::exception& error) {
  log::error("answering {} failed: {}", log::escaped(request.path), error.what());
  reply(HttpResponse::error(500, "internal", "the bridge could not answer"));
}

HttpResponse Api::answer(const HttpRequest& request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const std::string& path = request.path;
  if (path == "/healthz" && reads) return text(200, "ok\n");
  if (path == "/readyz" && reads) return ready();
  if (path == "/metrics" && reads) {
    HttpResponse response = text(200, prometheus_text(*parts_.metrics));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  }
  const ConfigPtr config = std::atomic_load(&parts_.config);
  if (config->server.console && reads) {
    if (path == "/") return file("console/index.html", "text/html; charset=utf-8");
    if (path == "/client.js") return file("console/client.js", "text/javascript; charset=utf-8");
  }
  if (path == config->server.path) {
    HttpResponse response = HttpResponse::error(426, "invalid_message", "connect with a WebSocket");
    response.headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
    return response;
  }
  return HttpResponse::error(404, "invalid_message", "there is nothing here");
}

HttpResponse Api::ready() const {
  HttpResponse response;
  const bool draining = parts_.lanes->draining();
  const bool ready = ready_ && !draining;
  response.status = ready ? 200 : 503;
  response.body = ready      ? R"({"ready":true,"reasons":[]})"
                  : draining ? R"({"ready":false,"reasons":["the bridge stops"]})"
                             : R"({"ready":false,"reasons":["the bridge starts"]})";
  return response;
}

HttpResponse Api::file(const std::string& name, const std::string& content_type) const {
  std::ifstream stream(parts_.share_folder + '/' + name, std::ios::binary);
  if (!stream) return HttpResponse::error(404, "invalid_message", "this file is not installed");
  std::ostringstream content;
  content << stream.rdbuf();
  HttpResponse response;
  response.content_type = content_type;
  response.body = content.str();
  response.headers = {{"Cache-Control", "no-cache"}, {"X-Content-Type-Options", "nosniff"}};
  return response;
}

}  // namespace zws
