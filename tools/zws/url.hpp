// Url: where a bridge serves, taken apart: ws://127.0.0.1:8000/api/ws
//
// Thread: any; a value. parse() throws Failure (usage) for what is not such a URL.
#pragma once

#include <string>
#include <string_view>

namespace zws::tool {

struct Url {
  bool tls = false;
  std::string host;  // without the brackets of an IPv6 address
  std::string port;
  std::string path;  // "/" at least

  // ws, wss, http and https mean the same place; the port's default is 80 or 443, and the path's
  // where a bridge serves by default: http://127.0.0.1:8000 is ws://127.0.0.1:8000/api/ws.
  static Url parse(std::string_view text);

  bool is_loopback() const noexcept;
  std::string authority() const;  // host:port as in a Host header
  std::string websocket() const;  // the whole, with ws or wss
};

}  // namespace zws::tool
