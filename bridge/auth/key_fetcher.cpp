#include "auth/key_fetcher.hpp"

#include <algorithm>
#include <exception>
#include <vector>

#include "auth/jwks.hpp"
#include "auth/kept_keys.hpp"
#include "auth/key_set.hpp"
#include "auth/token_cache.hpp"
#include "config/key_source.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::chrono::seconds retry_max{30};
constexpr unsigned doublings_max = 5;

Duration retry_after(unsigned failures) {
  const std::chrono::seconds pause(1U << std::min(failures - 1, doublings_max));
  return std::min<Duration>(pause, retry_max);
}

// An empty set says that its source takes no token of its own any more. A secret that is published is
// none: whoever reads it could sign.
std::vector<Key> public_keys_of(const std::string& body, const KeySource& source) {
  if (is_empty_jwks(body)) {
    log::warning("{}: its set of keys is empty: no token of its keys is good any more",
                 source.name());
    return {};
  }
  std::vector<Key> keys = keys_of_jwks(body, source);
  const auto secrets =
      std::remove_if(keys.begin(), keys.end(), [](const Key& key) { return !key.is_slow(); });
  if (secrets != keys.end()) log::warning("{}: secrets are skipped", source.name());
  keys.erase(secrets, keys.end());
  if (keys.empty()) source.refuse("holds no public key");
  return keys;
}

}  // namespace

KeyFetcher::KeyFetcher(const AuthConfig& config, Verifier& verifier,
                       std::function<void(bool)> on_fetched)
    : verifier_(verifier), on_fetched_(std::move(on_fetched)) {
  verifier_.fetch_keys_by([this] { return ask(); });
  reload(config);
}

KeyFetcher::~KeyFetcher() {
  verifier_.fetch_keys_by([] { return KeyFetch::none; });
  stop();
}

void KeyFetcher::reload(const AuthConfig& config) {
  if (config.jwks_url.empty() && !thread_.joinable()) return;
  if (!download_) download_ = std::make_unique<KeyDownload>();
  {
    const std::lock_guard lock(mutex_);
    const bool another = config.jwks_url != source_.url;
    if (another) {
      source_ = {config.jwks_url, source_.number + 1};
      state_ = config.jwks_url.empty() ? State::good : State::missing;
    }
    refresh_ = config.jwks_refresh;
    schedule_.fetch_now(std::chrono::steady_clock::now(), another);
  }
  wake_.notify_one();
  download_->look_up();
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void KeyFetcher::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (download_) download_->look_up();
  if (thread_.joinable()) thread_.join();
}

KeyFetch KeyFetcher::ask() {
  const std::lock_guard lock(mutex_);
  if (stopping_ || source_.url.empty()) return KeyFetch::none;
  const KeyFetch fetch = schedule_.ask(std::chrono::steady_clock::now());
  wake_.notify_one();
  return fetch;
}

void KeyFetcher::run() {
  for (Source source; wait_until_due(source);) fetch(source);
}

// False when it is to stop.
bool KeyFetcher::wait_until_due(Source& source) {
  std::unique_lock lock(mutex_);
  while (!stopping_ &&
         (source_.url.empty() || !schedule_.is_due(std::chrono::steady_clock::now()))) {
    if (source_.url.empty()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, schedule_.due());
    }
  }
  if (stopping_) return false;
  source = source_;
  schedule_.begin();
  return true;
}

void KeyFetcher::fetch(const Source& source) {
  std::string fault;
  try {
    begin(source);
    fetch_or_say_why(fault);
  } catch (const std::exception& error) {
    fault = error.what();
  }
  if (!is_wanted()) return end();  // that it was broken off is no fault of the source
  failures_ = fault.empty() ? 0 : failures_ + 1;
  tell(fault);
  if (set_state(failures_ == 0 ? State::good : known_.has_keys ? State::stale : State::missing))
    on_fetched_(fault.empty());
  end();
}

void KeyFetcher::end() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    schedule_.end(std::chrono::steady_clock::now() +
                  (failures_ == 0 ? refresh_ : std::min(refresh_, retry_after(failures_))));
  }
  verifier_.fetch_ended();
}

// Whether the fetch that runs is for the URL that is in force.
bool KeyFetcher::is_wanted() {
  const std::lock_guard lock(mutex_);
  return !stopping_ && source_.number == known_.source.number;
}

// Another URL: what was kept of it serves until it answers.
void KeyFetcher::begin(const Source& source) {
  if (known_.source.number == source.number) return;
  known_ = {};
  known_.source = source;
  failures_ = 0;
  told_ = false;
  const std::string kept = KeptKeys(KeptKeys::folder(), source.url).read();
  if (kept.empty()) return;
  try {
    put_in_force(kept);
    known_.seen = digest_of(kept);
    set_state(State::stale);
    log::info("auth.jwks_url: these are the keys from before, until it answers");
  } catch (const std::exception& error) {
    log::warning("the keys that were kept are of no use: {}", error.what());
  }
}

// False, and nothing is done, where main has another URL meanwhile, and knows better.
bool KeyFetcher::set_state(State state) {
  const std::lock_guard lock(mutex_);
  if (source_.number != known_.source.number) return false;
  state_ = state;
  return true;
}

void KeyFetcher::fetch_or_say_why(std::string& fault) {
  const Downloaded got =
      download_->get(known_.source.url, known_.etag, [this] { return is_wanted(); });
  switch (got.result) {
    case Downloaded::Result::failed: fault = "cannot be fetched: " + got.text; return;
    case Downloaded::Result::unchanged: return;
    case Downloaded::Result::body: break;
  }
  take(got.text, fault);
  known_.etag = fault.empty() ? got.etag : "";
}

void KeyFetcher::take(const std::string& body, std::string& fault) {
  const TokenDigest digest = digest_of(body);
  if (digest != known_.seen) {
    known_.fault.clear();
    try {
      put_in_force(body);
      const std::string why = KeptKeys(KeptKeys::folder(), known_.source.url).write(body);
      if (!why.empty()) log::warning("auth.jwks_url: not kept for the next start: {}", why);
    } catch (const std::exception& error) {
      known_.fault = error.what();
    }
    known_.seen = digest;
  }
  fault = known_.fault;
}

void KeyFetcher::put_in_force(const std::string& body) {
  auto keys = std::make_shared<const KeySet>(public_keys_of(body, KeySource("auth.jwks_url")));
  if (verifier_.take_fetched(known_.source.url, keys)) key_gone_ = true;
  known_.has_keys = true;
  log::info("auth.jwks_url: {} keys are in force", keys->size());
}

// Once when it begins to fail and once when it works again.
void KeyFetcher::tell(const std::string& fault) {
  if (failures_ == 1)
    log::warning("auth.jwks_url: {}; {}", fault,
                 known_.has_keys ? "the keys from before stay"
                                 : "no keys are there, and their tokens are not taken");
  if (failures_ == 0 && told_) log::info("auth.jwks_url: it is answered again");
  told_ = failures_ != 0;
}

}  // namespace zws
