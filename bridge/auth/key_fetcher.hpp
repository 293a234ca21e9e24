// KeyFetcher: keeps the verifier's keys of auth.jwks_url as their source has them.
//
// It fetches at the start, at each reload, every auth.jwks_refresh, and at once for a token that names
// a key nobody knows, the last at most every 30 s (FetchSchedule). What cannot be fetched is tried again
// after 1 s, 2 s and so on up to 30 s. The last good set stays meanwhile, and lies on disk for the next start.
//
// Thread: a thread of its own, only where a URL is set; reload() and stop() from main, the rest from
// any. Lifetime: the verifier outlives it.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "auth/fetch_schedule.hpp"
#include "auth/key_download.hpp"
#include "auth/verifier.hpp"
#include "config/config.hpp"
#include "core/clock.hpp"

namespace zws {

class KeyFetcher {
 public:
  enum class State : std::uint8_t {
    good,     // the last fetch succeeded, or there is nothing to fetch
    missing,  // no keys have come yet
    stale     // the keys from before are in force, as their source does not answer or is no key set
  };

  // `on_fetched` is called on the thread after each fetch. Begins to fetch.
  KeyFetcher(
      const AuthConfig& config, Verifier& verifier,
      std::function<void(bool succeeded)> on_fetched = [](bool) {});
  ~KeyFetcher();

  State state() const noexcept { return state_.load(std::memory_order_relaxed); }

  // Whether a key has gone since it was last asked: then sessions are to be judged again.
  bool key_gone() noexcept { return key_gone_.exchange(false); }

  // After Verifier::reload().
  void reload(const AuthConfig& config);

  // Ends a fetch and the thread. A second call does nothing.
  void stop() noexcept;

 private:
  // What is to be fetched.
  struct Source {
    std::string url;
    unsigned number = 0;  // another one whenever another URL was configured
  };

  // What the thread knows of it.
  struct Known {
    Source source;
    std::string etag;                      // of the set in force
    std::array<unsigned char, 32> seen{};  // the digest of the last body, be it good or not
    std::string fault;                     // why that was no key set; empty: it is in force
    bool has_keys = false;
  };

  KeyFetch ask();
  void run();
  bool wait_until_due(Source& source);
  void fetch(const Source& source);
  void begin(const Source& source);
  bool is_wanted();
  void end();
  bool set_state(State state);
  void fetch_or_say_why(std::string& fault);
  void take(const std::string& body, std::string& fault);
  void put_in_force(const std::string& body);
  void tell(const std::string& fault);

  Verifier& verifier_;
  const std::function<void(bool)> on_fetched_;
  std::atomic<State> state_{State::good};
  std::atomic<bool> key_gone_{false};
  std::unique_ptr<KeyDownload> download_;  // null until a URL is set

  // --- the thread's ---
  Known known_;
  unsigned failures_ = 0;  // in a row
  bool told_ = false;      // that it fails

  std::mutex mutex_;  // over all below
  std::condition_variable wake_;
  Source source_;
  Duration refresh_{};
  FetchSchedule schedule_;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace zws
