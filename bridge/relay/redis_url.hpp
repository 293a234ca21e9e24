// RedisUrl: where Redis is and as whom to go there, as relay.redis says it.
//
// Thread: any; a value.
#pragma once

#include <string>
#include <string_view>

namespace zws {

struct RedisUrl {
  bool tls = false;
  std::string host;  // a name or an address, without brackets
  std::string port = "6379";
  std::string user;  // empty: Redis' own default user
  std::string password;
  std::string db = "0";

  // `text` has been checked by the configuration; what it escapes with % is decoded. Of an empty text
  // the host is empty.
  static RedisUrl parse(std::string_view text);

  // For people: without user and password.
  std::string place() const;
};

}  // namespace zws
