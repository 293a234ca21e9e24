#include "config/rules.hpp"

#include <algorithm>

#include "config/address.hpp"
#include "config/origin.hpp"
#include "config/value.hpp"

namespace zws::config {
namespace {

constexpr std::size_t secret_bytes_min = 32;
constexpr std::size_t secret_bytes_max = 1024;  // what the library takes that checks signatures
constexpr std::size_t text_bytes_max = 255;

bool is_printable_ascii(char c) noexcept { return c > 0x20 && c < 0x7F; }

bool is_url_path(std::string_view text) {
  const auto fits = [](char c) {
    return is_printable_ascii(c) && c != '?' && c != '#' && c != '%';
  };
  return !text.empty() && text.size() <= text_bytes_max && text[0] == '/' &&
         std::all_of(text.begin(), text.end(), fits);
}

// A pattern of a right, which may hold {user}: any user's name could stand there, so a plain one
// tells whether the rest is right.
bool is_right(const std::string& text) {
  constexpr std::string_view placeholder = "{user}";
  // "john*" is johnny's, too, and "john-*" is john-doe's: only at a separator a '*' can stop.
  const std::size_t last = text.rfind(placeholder);
  if (last != std::string::npos && text.back() == '*' &&
      !is_separator(text[last + placeholder.size()]))
    return false;
  std::string filled = text;
  for (std::size_t at = 0; (at = filled.find(placeholder, at)) != std::string::npos; ++at) {
    filled.replace(at, placeholder.size(), "u");
  }
  return Pattern::parse(filled).has_value();
}

// The host of scheme://host[:port]/..., without brackets; empty where there is none, or a password.
std::string_view host_of_url(std::string_view text, std::string_view scheme) {
  const std::string_view rest = text.substr(scheme.size());
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.find('@') != std::string_view::npos) return {};
  if (authority.empty() || authority[0] != '[') return authority.substr(0, authority.find(':'));
  const std::size_t end = authority.find(']');
  return end == std::string_view::npos ? std::string_view{} : authority.substr(1, end - 1);
}

// In the clear only within the machine: whoever sits between could put in keys of their own.
bool is_fetched_url(std::string_view text) {
  const auto begins = [&](std::string_view scheme) {
    return text.substr(0, scheme.size()) == scheme;
  };
  const auto fits = [](char c) { return is_printable_ascii(c) && c != '#' && c != '\\'; };
  if (text.size() > 2048 || !std::all_of(text.begin(), text.end(), fits)) return false;
  if (begins("https://")) return !host_of_url(text, "https://").empty();
  if (!begins("http://")) return false;
  const std::string_view host = host_of_url(text, "http://");
  return host == "localhost" || is_loopback_ip(host);
}

// A name, an IPv4 address or an [IPv6] address, and a port if need be.
bool is_host_with_optional_port(std::string_view text) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string_view host = text.substr(0, colon);
  const auto is_in_a_name = [](char c) {
    return c != '[' && c != ']' && c != '/' && c != '?' && c != '#';
  };
  const bool is_ip6 = host.size() > 2 && host.front() == '[' && host.back() == ']' &&
                      parse_ip(host.substr(1, host.size() - 2)).has_value();
  if (!is_ip6 && (host.empty() || !std::all_of(host.begin(), host.end(), is_in_a_name)))
    return false;
  // Only the port is left to be looked at.
  return colon == std::string_view::npos ||
         Address::parse("127.0.0.1" + std::string(text.substr(colon))).has_value();
}

// redis://[user:password@]host[:port][/db]; what is in the user and the password may be anything that is
// printable, percent-encoded where it is one of these marks.
bool is_redis_url(std::string_view text) {
  const std::size_t mark = text.find("://");
  const std::string_view scheme = text.substr(0, mark);
  if (mark == std::string_view::npos || (scheme != "redis" && scheme != "rediss")) return false;
  if (text.size() > 2048 || !std::all_of(text.begin(), text.end(), is_printable_ascii))
    return false;
  std::string_view rest = text.substr(mark + 3);
  rest = rest.substr(rest.rfind('@') + 1);  // npos + 1 is 0
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view db = rest.substr(std::min(slash + 1, rest.size()));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (db.size() > 4 || !std::all_of(db.begin(), db.end(), is_digit)) return false;
  return is_host_with_optional_port(rest.substr(0, slash));
}

bool is_fleet_word(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view(".:_-").find(c) != std::string_view::npos;
  };
  return text.size() <= 64 && std::all_of(text.begin(), text.end(), fits);
}

// No path of a file holds these, and messages about it stay one line.
bool is_file_path(const std::string& text) {
  const auto is_odd = [](char c) { return c == '\0' || c == '\n'; };
  return text.size() < 4096 && std::none_of(text.begin(), text.end(), is_odd);
}

bool is_file_mode(const std::string& text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  return text.size() == 4 && text[0] == '0' && std::all_of(text.begin(), text.end(), is_octal);
}

bool fits_topic(const std::string& text) { return text.size() <= text_bytes_max; }

bool is_name(const std::string& text) { return !text.empty() && fits_topic(text); }

template <class Enum>
Words<Enum> words(std::vector<std::pair<std::string_view, Enum>> list) {
  std::string allowed;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) allowed += i + 1 == list.size() ? " or " : ", ";
    allowed.append("\"").append(list[i].first).append("\"");
  }
  return {allowed, std::move(list)};
}

}  // namespace

Rule<bool> flag() {
  return {"true or false", [](bool) { return true; }};
}

Rule<std::size_t> integer(std::size_t min, std::size_t max) {
  return {"an integer from " + std::to_string(min) + " to " + std::to_string(max),
          [min, max](std::size_t number) { return number >= min && number <= max; }};
}

Rule<Duration> time_between(Duration min, Duration max) {
  return {"a time from " + duration_text(min) + " to " + duration_text(max),
          [min, max](Duration time) { return time >= min && time <= max; }};
}

TextsRule listen_addresses() {
  return {
      R"("ADDRESS:PORT" with an IPv4 address, an [IPv6] address or localhost, "unix:PATH", or a list of such)",
      [](const std::string& text) { return is_listen_address(text); }};
}

Rule<std::string> url_path() {
  return {R"("/" and printable ASCII without space, "?", "#" and "%", at most 255 bytes)",
          is_url_path};
}

Rule<std::string> file_path() { return {"a path; empty is none", is_file_path, true}; }

Rule<std::string> fetched_url() {
  return {"a URL with https, or with http to loopback; empty is none",
          [](const std::string& text) { return text.empty() || is_fetched_url(text); }};
}

Rule<std::string> redis_url() {
  return {R"("redis://[USER:PASSWORD@]HOST[:PORT][/DB]", or rediss:// for TLS; empty is none)",
          [](const std::string& text) { return text.empty() || is_redis_url(text); }};
}

Rule<std::string> fleet_prefix() {
  return {"a string of 1 to 64 bytes of A-Z a-z 0-9 . : _ -",
          [](const std::string& text) { return !text.empty() && is_fleet_word(text); }};
}

Rule<std::string> fleet_name() {
  return {"a string of at most 64 bytes of A-Z a-z 0-9 . : _ -",
          [](const std::string& text) { return is_fleet_word(text); }};
}

Rule<std::string> file_mode() { return {R"(an octal mode from "0000" to "0777")", is_file_mode}; }

Rule<std::string> secret_text() {
  return {"a string of 32 to 1024 bytes; empty is none", [](const std::string& text) {
            return text.empty() ||
                   (text.size() >= secret_bytes_min && text.size() <= secret_bytes_max);
          }};
}

TextsRule claim_texts() { return {"a string or a list of strings; empty checks nothing", is_name}; }

Rule<std::string> claim_path() { return {"the path of a claim", is_name}; }

Rule<std::string> topic_pattern() {
  return {R"(a topic pattern such as "import:*")",
          [](const std::string& text) { return Pattern::parse(text).has_value(); }};
}

Rule<std::string> short_text() { return {"a string of at most 255 bytes", fits_topic}; }

ListRule origins() {
  return {
      R"(a list of origins such as "https://app.example.org", "null" or "file://", in lower case )"
      "and without path, wildcards and the default port",
      is_origin};
}

ListRule networks() {
  return {R"(a list of IP addresses or networks such as "10.0.0.0/8")",
          [](const std::string& text) { return Network::parse(text).has_value(); }};
}

ListRule bind_endpoints() {
  return {R"(a list of "tcp://ADDRESS:PORT" ("*" is every address) or "ipc://PATH")",
          [](const std::string& text) { return is_endpoint(text, EndpointSide::bind); }};
}

ListRule connect_endpoints() {
  return {R"(a list of "tcp://HOST:PORT" or "ipc://PATH")",
          [](const std::string& text) { return is_endpoint(text, EndpointSide::connect); }};
}

ListRule topic_prefixes() { return {"a list of strings of at most 255 bytes", fits_topic}; }

ListRule anonymous_patterns() {
  return {R"(a list of topic patterns such as "import:*")", is_right};
}

ListRule user_patterns() {
  return {R"(a list of topic patterns such as "import:*" or "inbox:{user}:*"; )"
          "with a '*' at its end {user} has . : or / behind it",
          is_right};
}

ListRule claim_paths() { return {"a list of paths of claims", is_name}; }

ListRule role_names() { return {"a list of roles", is_name}; }

ListRule rights() {
  return {R"(a list of "stats", "metrics", "publish", "broadcast", "notify" and "disconnect")",
          [](const std::string& text) {
            constexpr std::string_view all[] = {"stats",     "metrics", "publish",
                                                "broadcast", "notify",  "disconnect"};
            return std::find(std::begin(all), std::end(all), text) != std::end(all);
          }};
}

Words<EventFormat> event_formats() {
  return words<EventFormat>({{"auto", EventFormat::automatic}, {"raw", EventFormat::raw}});
}

Words<Overflow> overflows() {
  return words<Overflow>({{"drop_oldest", Overflow::drop_oldest},
                          {"drop_newest", Overflow::drop_newest},
                          {"disconnect", Overflow::disconnect},
                          {"conflate", Overflow::conflate}});
}

Words<log::Level> log_levels() {
  return words<log::Level>({{"debug", log::Level::debug},
                            {"info", log::Level::info},
                            {"warning", log::Level::warning},
                            {"error", log::Level::error},
                            {"off", log::Level::off}});
}

Words<log::Format> log_formats() {
  return words<log::Format>({{"text", log::Format::text}, {"json", log::Format::json}});
}

}  // namespace zws::config
