#include "admin_calls.hpp"

#include <algorithm>

#include "failure.hpp"
#include "output.hpp"

namespace zws::tool {
namespace {

constexpr int page_rows = 1000;

// Without a query, which belongs to the handshake, and without a slash at the end.
Url base_of(Url url) {
  url.path.resize(std::min(url.path.find('?'), url.path.size()));
  while (!url.path.empty() && url.path.back() == '/') url.path.pop_back();
  return url;
}

std::string message_of(const std::string& body) {
  const auto answer = nlohmann::json::parse(body, nullptr, false);
  const bool told =
      answer.is_object() && answer.contains("message") && answer["message"].is_string();
  return told ? ": " + printable_line(answer["message"].get<std::string>(), 400) : "";
}

Exit exit_of(int status) {
  if (status == 401 || status == 403) return Exit::denied;
  return status == 400 ? Exit::usage : Exit::failed;
}

}  // namespace

AdminCalls::AdminCalls(const Login& login) : login_(login), url_(base_of(Url::parse(login.url))) {
  if (login.token_file == "-") from_stdin_ = token_of(login);
}

std::string AdminCalls::token() {
  std::string token = from_stdin_.empty() ? token_of(login_) : from_stdin_;
  return token.empty() ? administrator_token_of(url_) : token;
}

AdminCalls::Json AdminCalls::call(const HttpCall& call, const std::string& path) {
  Url url = url_;
  url.path += path;
  const HttpAnswer answer = http_call(call, url, token(), login_.tls);
  const std::string where = url.authority() + url.path;
  if (answer.status != 200) {
    const bool denied = exit_of(answer.status) == Exit::denied;
    throw Failure(exit_of(answer.status),
                  where + " answered " + std::to_string(answer.status) + message_of(answer.body) +
                      (denied ? "; a token goes into --token-file or ZWS_TOKEN" : ""));
  }
  Json json = Json::parse(answer.body, nullptr, false);
  if (!json.is_object()) throw Failure(Exit::failed, where + " did not answer with a JSON object");
  return json;
}

void AdminCalls::pages(const std::string& path, const std::function<bool(const Json&)>& take) {
  std::string cursor;
  for (;;) {
    const char* const joint = path.find('?') == std::string::npos ? "?" : "&";
    const Json page = get(path + joint + "limit=" + std::to_string(page_rows) + cursor);
    if (!take(page)) return;
    const auto next = page.find("cursor");
    if (next == page.end() || !next->is_string()) return;
    cursor = "&cursor=" + percent_encoded(next->get<std::string>());
  }
}

HttpAnswer AdminCalls::ask(const std::string& path) const {
  Url url = url_;
  url.path = path;
  return http_call({}, url, {}, login_.tls);
}

std::string percent_encoded(std::string_view text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

}  // namespace zws::tool
