// HttpHandler: the interface between the port, which speaks HTTP, and the api, which decides what to answer.
//
// Thread: handle() is called on the lane that took the request and must not block; the reply may be
// called later, once, from any thread, and let go of on any. Lifetime: the handler outlives the lanes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zws {

struct HeaderLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const noexcept;
};

// Whether more plain requests are in progress, or hold more memory, than is good.
enum class HttpCrowd : std::uint8_t { none, address, all };

// The head of a request, and later its body.
struct HttpRequest {
  std::string method;  // as sent: GET, HEAD, POST, ...
  std::string path;    // still percent-encoded, without the query
  std::string query;   // without '?'
  std::map<std::string, std::string, HeaderLess> headers;  // names compare without case
  std::string body;                                        // what take_body brought
  std::string peer;                                        // the address that connected
  std::string address;                                     // the client's, after trusted proxies
  HttpCrowd crowd = HttpCrowd::none;

  // Nothing of the body is taken before somebody who has judged the head asks for it: once, from any
  // thread. `then` is called on the lane with all of it, or never, when the client does not send it or
  // the bridge has no room for it (which answers by itself).
  std::function<void(std::function<void(std::string)> then)> take_body;

  std::string_view header(std::string_view name) const noexcept;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string code;  // of error()

  // {"success":false,"code":...,"message":...}
  static HttpResponse error(int status, std::string_view code, std::string_view message);

  // 429 or 503, to be tried again in a second.
  static HttpResponse crowded(HttpCrowd crowd);
};

// The value of `name` in a query, decoded; empty if it is not there.
std::string query_value(std::string_view query, std::string_view name);

// A header's value, or a part of it, without the blanks around it.
std::string_view trimmed(std::string_view text) noexcept;

// "%41b" -> "Ab"; what is no escape stays as it is.
std::string percent_decoded(std::string_view text);

using HttpReply = std::function<void(HttpResponse)>;

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void handle(HttpRequest request, HttpReply reply) noexcept = 0;
};

}  // namespace zws
