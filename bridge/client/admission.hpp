// Admission, the limits of connections: how many are in, in all, from one address and of one user; and who
// guesses at tokens.
//
// Thread: any lane; one mutex, taken when a client comes, signs in or goes, never for a message.
// Bounds: the maps hold an entry for each connected address or user, and at most 65,536 addresses
// that failed within the last minute (then all are forgotten: room for the honest matters more).
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "config/config.hpp"
#include "core/clock.hpp"

namespace zws {

class Admission {
 public:
  enum class Answer { admitted, full, full_for_address, short_of_memory };

  // `descriptors` is how many connections the process can hold at all.
  Admission(const LimitsConfig& limits, std::size_t descriptors);

  void reload(const LimitsConfig& limits);

  // While it is so nobody is admitted.
  void set_short_of_memory(bool is_short) noexcept { short_of_memory_ = is_short; }

  // What whoever comes next would hear, whatever its address: admitted, full or short_of_memory.
  Answer standing() const;

  // Only `admitted` takes a place, which leave() gives back.
  Answer enter(const std::string& address_key);
  void leave(const std::string& address_key) noexcept;

  // Takes a place for the user, which leave_user() gives back; false when there is none.
  bool enter_user(const std::string& user);
  void leave_user(const std::string& user) noexcept;

  void count_failed_token(const std::string& address_key, SteadyTime now);
  bool too_many_failed_tokens(const std::string& address_key, SteadyTime now);

  std::size_t connections() const;
  std::size_t users() const;

 private:
  struct Failures {
    SteadyTime since;
    std::size_t count;
  };

  Answer to_anybody() const noexcept;  // under the lock
  static void decrement(std::unordered_map<std::string, std::size_t>& counts,
                        const std::string& key) noexcept;

  mutable std::mutex mutex_;
  LimitsConfig limits_;
  const std::size_t descriptors_;
  std::atomic<bool> short_of_memory_{false};
  std::size_t connections_ = 0;
  std::unordered_map<std::string, std::size_t> addresses_;
  std::unordered_map<std::string, std::size_t> users_;
  std::unordered_map<std::string, Failures> failures_;
};

}  // namespace zws
