// RedisFault: what Redis answers in place of a result, made fit for the log and for /readyz, which everybody
// may read.
//
// Redis repeats what it was sent: "ERR unknown command 'AUTH', with args beginning with: 'PASSWORD'". So what
// comes behind that is left out, user and password of the URL are hidden wherever they stand, and
// what is left is harmless and has an end.
//
// Thread: any; a value.
#pragma once

#include <string>
#include <string_view>

#include "relay/redis_url.hpp"

struct redisReply;

namespace zws {

class RedisFault {
 public:
  static constexpr std::size_t text_max = 200;

  // As whom Redis was asked.
  explicit RedisFault(const RedisUrl& url) : user_(url.user), password_(url.password) {}

  std::string shown(std::string_view text) const;
  std::string shown(const redisReply& answer) const;

 private:
  std::string user_;
  std::string password_;
};

}  // namespace zws
