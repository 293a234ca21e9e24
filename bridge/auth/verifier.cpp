#include "auth/verifier.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "auth/claims.hpp"
#include "auth/fair_line.hpp"
#include "auth/key_set.hpp"
#include "auth/shares.hpp"
#include "auth/token.hpp"
#include "auth/token_cache.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::size_t cached_tokens_max = 65'536;
constexpr std::size_t cached_bytes_max = std::size_t{64} << 20;
constexpr std::size_t waiting_tokens_max = 16'384;  // two or three seconds of RS256
constexpr std::size_t waiting_bytes_max = std::size_t{64} << 20;
constexpr std::size_t callers_max = 131'072;
constexpr std::size_t parked_tokens_max = 1024;

using Done = std::function<void(Verdict)>;

// What tokens are judged by; a reload, and keys that were fetched, replace the whole.
struct Rules {
  std::shared_ptr<const KeySet> configured;
  std::shared_ptr<const KeySet> fetched;  // null until the first ones of `url` have come
  std::string url;                        // auth.jwks_url
  ClaimRules claims;
  std::uint64_t number = 1;  // another one where a token may mean something else, or nothing

  explicit Rules(const AuthConfig& config)
      : configured(std::make_shared<const KeySet>(config)), url(config.jwks_url), claims(config) {}

  bool has_key() const noexcept { return !configured->empty() || !url.empty(); }
  bool awaits_keys() const noexcept { return !url.empty() && !fetched; }

  std::vector<const Key*> serving(const Token& token) const {
    std::vector<const Key*> found = configured->serving(token);
    if (!fetched) return found;
    const auto more = fetched->serving(token);
    found.insert(found.end(), more.begin(), more.end());
    return found;
  }

  bool holds(const KeyDigest& key) const noexcept {
    return configured->holds(key) || (fetched && fetched->holds(key));
  }

  bool holds_all_of(const Rules& other) const {
    const auto here = [this](const KeyDigest& key) { return holds(key); };
    return other.configured->all_of(here) && (!other.fetched || other.fetched->all_of(here));
  }

  void follow(const Rules& before) {
    const bool same = holds_all_of(before) && claims.read_the_same(before.claims);
    number = before.number + (same ? 0 : 1);
  }

  Verdict judge(std::string_view json, const KeyDigest& key, WallTime now) const {
    return judge_claims(json, claims, now, {{}, key, number});
  }

  // For a token that no key is for. It is no guess where it names a key, which may come tomorrow.
  Verdict without_key(const Token& token) const {
    if (awaits_keys() && may_be_fetched(token)) return Verdict::no_keys_yet();
    if (token.kid && has_key()) return Verdict::unknown_key();
    return Verdict::invalid(Verdict::unknown_key().reason);
  }

  // Whether the key of the token can be one that is fetched: no secret is.
  static bool may_be_fetched(const Token& token) noexcept {
    return token.algorithm != "none" && token.algorithm.compare(0, 2, "HS") != 0;
  }

  // Whether a fetch may bring the key that a token lacks.
  bool is_worth_a_fetch(const Token& token) const noexcept {
    return !url.empty() && (token.kid || !fetched) && may_be_fetched(token);
  }

  // Whether none of the keys that were tried can be the one that the token names.
  static bool lacks_its_key(const Token& token, const std::vector<const Key*>& tried) noexcept {
    return token.kid && std::none_of(tried.begin(), tried.end(),
                                     [&](const Key* key) { return key->kid() == token.kid; });
  }
};

using Share = Shares::Share;

struct Caller {
  Done done;
  Share place;
};

// A token that waits for the thread, with everyone who asked.
struct Waiting {
  std::string token;
  std::string from;  // the address of the first of them
  Share place;       // its, as are the next two
  Share bytes;
  std::optional<Share> parked;  // while it waits for keys
  std::vector<Caller> callers;
  bool waited_for_keys = false;  // for those of a fetch that began after it had come
};

struct Sent {
  std::string_view token;
  const std::string& from;
};

// What it waits for: to be judged, or first for keys that are fetched.
enum class Line : std::uint8_t { thread, keys };

Verdict copy_of(const Verdict& verdict) noexcept try {
  return verdict;
} catch (const std::bad_alloc&) {
  return Verdict::no_memory();
}

// The client that cannot be told is not read any more, and ends as one that is silent.
void tell(const Done& done, const Verdict& verdict) noexcept try {
  done(copy_of(verdict));
} catch (const std::exception& error) {
  log::error("a token's verdict could not be told: {}", error.what());
}

}  // namespace

struct Verifier::Impl {
  Impl(const AuthConfig& config, const Clock& time)
      : clock(time), rules(std::make_shared<const Rules>(config)), thread([this] { run(); }) {}

  void verify(std::string_view text, const std::string& from, Done done);
  Verdict again(const IdentityPtr& identity);
  std::optional<Verdict> known(std::string_view text);
  void wait_for_keys(const TokenDigest& digest, const Sent& sent, const Token& token,
                     const std::shared_ptr<const Rules>& by, Done done);
  void wait_for_thread(const TokenDigest& digest, const Sent& sent, Done done);
  bool put_in_line(const TokenDigest& digest, const Sent& sent, Done& done, Line line);
  bool park(const TokenDigest& digest, Waiting& item);
  void release_parked() noexcept;
  void put_in_force(std::shared_ptr<const Rules> fresh);
  Verdict judge(const Token& token, const std::vector<const Key*>& keys, const Rules& by);
  Verdict judge(const std::string& text, const Rules& by, bool& worth_a_fetch);
  Verdict judge_or_refuse(const std::string& text, const Rules& by, bool& worth_a_fetch) noexcept;
  void remember(const TokenDigest& digest, const Verdict& verdict);
  bool recall(const TokenDigest& digest, Verdict& verdict);
  void run() noexcept;
  void judge_next(std::unique_lock<std::mutex>& lock) noexcept;
  void stop() noexcept;

  const Clock& clock;
  std::atomic<std::uint64_t> verifications{0};
  std::atomic<bool> let_some_be{false};  // whose key has gone, while others were still to come

  std::mutex mutex;  // over all below
  std::condition_variable wake;
  std::shared_ptr<const Rules> rules;
  TokenCache cache{cached_tokens_max, cached_bytes_max};
  Shares places{waiting_tokens_max};
  Shares bytes{waiting_bytes_max};
  Shares callers{callers_max};
  Shares parked_places{parked_tokens_max};
  std::map<TokenDigest, Waiting> waiting;  // the token in the thread's hands included
  FairLine<TokenDigest> order;             // of one address first come, first verified
  FairLine<TokenDigest> parked;            // of those waiting: until the fetch ends
  std::function<KeyFetch()> ask_for_keys = [] { return KeyFetch::none; };
  bool stopping = false;

  std::thread thread;  // last: it uses all the rest
};

void Verifier::Impl::verify(std::string_view text, const std::string& from, Done done) {
  if (text.size() > token_bytes_max) return done(Verdict::invalid("the token is over 16 KiB"));
  const TokenDigest digest = digest_of(text);
  std::shared_ptr<const Rules> by;
  Verdict verdict;
  {
    const std::lock_guard lock(mutex);
    by = rules;
    if (recall(digest, verdict)) by = nullptr;
  }
  if (!by) return done(std::move(verdict));
  std::string reason;
  const auto token = Token::parse(text, reason);
  if (!token) return done(Verdict::invalid(std::move(reason)));
  const auto keys = by->serving(*token);
  if (keys.empty()) return wait_for_keys(digest, {text, from}, *token, by, std::move(done));
  if (keys.front()->is_slow()) return wait_for_thread(digest, {text, from}, std::move(done));
  verdict = judge(*token, keys, *by);
  {
    const std::lock_guard lock(mutex);
    if (by == rules) remember(digest, verdict);
  }
  done(std::move(verdict));
}

Verdict Verifier::Impl::again(const IdentityPtr& identity) {
  std::shared_ptr<const Rules> by;
  {
    const std::lock_guard lock(mutex);
    by = rules;
  }
  if (identity->ends && clock.wall() >= *identity->ends) return Verdict::expired();
  const Proof& proof = identity->proof;
  if (proof.rules == by->number) return Verdict::good(identity);
  if (!by->holds(proof.key)) {
    if (!by->awaits_keys()) return Verdict::key_taken_out();
    let_some_be = true;  // keys that move to auth.jwks_url are on their way
    return Verdict::good(identity);
  }
  return by->judge(proof.claims, proof.key, clock.wall());
}

// What verify() would answer at once; it looks at nothing that needs the thread.
std::optional<Verdict> Verifier::Impl::known(std::string_view text) {
  if (text.size() > token_bytes_max) return Verdict::invalid("the token is over 16 KiB");
  std::shared_ptr<const Rules> by;
  {
    const std::lock_guard lock(mutex);
    Verdict verdict;
    if (recall(digest_of(text), verdict)) return verdict;
    by = rules;
  }
  std::string reason;
  const auto token = Token::parse(text, reason);
  if (!token) return Verdict::invalid(std::move(reason));
  const auto keys = by->serving(*token);
  if (keys.empty()) return by->without_key(*token);
  if (keys.front()->is_slow()) return std::nullopt;
  return judge(*token, keys, *by);
}

// For a token that no key is for: until a fetch has ended, where one may help.
void Verifier::Impl::wait_for_keys(const TokenDigest& digest, const Sent& sent, const Token& token,
                                   const std::shared_ptr<const Rules>& by, Done done) {
  {
    // Held until it is in line, so that the fetch cannot end between.
    const std::lock_guard lock(mutex);
    // Keys may have come a moment ago: the thread will see.
    if (by != rules && put_in_line(digest, sent, done, Line::thread)) return;
    if (by == rules && by->is_worth_a_fetch(token) && put_in_line(digest, sent, done, Line::keys))
      return;
  }
  done(by->without_key(token));
}

void Verifier::Impl::wait_for_thread(const TokenDigest& digest, const Sent& sent, Done done) {
  Verdict verdict = Verdict::busy();
  {
    const std::lock_guard lock(mutex);
    // The thread may have finished this very token a moment ago.
    if (!recall(digest, verdict) && put_in_line(digest, sent, done, Line::thread)) return;
  }
  done(std::move(verdict));
}

// False where there is no room; then `done` is as it was. Where there is no memory, too, nobody waits: a token
// that is in no line would never be judged, nor who asks for it later answered.
bool Verifier::Impl::put_in_line(const TokenDigest& digest, const Sent& sent, Done& done,
                                 Line line) {
  if (stopping) return false;
  auto caller = callers.take(sent.from);
  if (!caller) return false;
  if (const auto place = waiting.find(digest); place != waiting.end()) {
    place->second.callers.push_back({std::move(done), std::move(*caller)});
    return true;
  }
  auto place = places.take(sent.from);
  auto size = bytes.take(sent.from, sent.token.size());
  if (!place || !size) return false;
  Waiting item{std::string(sent.token),
               sent.from,
               std::move(*place),
               std::move(*size),
               std::nullopt,
               {},
               false};
  const auto fresh = waiting.emplace(digest, std::move(item)).first;
  try {
    fresh->second.callers.reserve(1);
    if (line == Line::thread) {
      order.push(sent.from, digest);
    } else if (!park(digest, fresh->second)) {
      waiting.erase(fresh);
      return false;
    }
  } catch (...) {
    waiting.erase(fresh);
    throw;
  }
  fresh->second.callers.push_back({std::move(done), std::move(*caller)});
  if (line == Line::thread) wake.notify_one();
  return true;
}

// Until keys have been fetched. False where nobody fetches them, or too many wait for that.
bool Verifier::Impl::park(const TokenDigest& digest, Waiting& item) {
  auto place = parked_places.take(item.from);
  if (!place) return false;
  const KeyFetch fetch = ask_for_keys();
  if (fetch == KeyFetch::none) return false;
  parked.push(item.from, digest);
  item.waited_for_keys = fetch == KeyFetch::begins;
  item.parked.emplace(std::move(*place));
  return true;
}

void Verifier::Impl::release_parked() noexcept {
  for (auto& [digest, item] : waiting) item.parked.reset();
  order.take_all(parked);
  wake.notify_one();
}

void Verifier::Impl::put_in_force(std::shared_ptr<const Rules> fresh) {
  rules = std::move(fresh);
  cache.clear();
  release_parked();
}

Verdict Verifier::Impl::judge(const Token& token, const std::vector<const Key*>& keys,
                              const Rules& by) {
  for (const Key* key : keys) {
    verifications.fetch_add(1, std::memory_order_relaxed);
    if (key->verifies(token)) return by.judge(token.claims, key->digest(), clock.wall());
  }
  // Keys without a kid were tried, and what the token names may be another that is still to come.
  if (by.is_worth_a_fetch(token) && Rules::lacks_its_key(token, keys)) return by.without_key(token);
  return Verdict::invalid("the signature does not match");
}

// `worth_a_fetch`: a fetch may bring the key that it lacks.
Verdict Verifier::Impl::judge(const std::string& text, const Rules& by, bool& worth_a_fetch) {
  std::string reason;
  const auto token = Token::parse(text, reason);
  if (!token) return Verdict::invalid(std::move(reason));
  const auto keys = by.serving(*token);
  worth_a_fetch = by.is_worth_a_fetch(*token) && Rules::lacks_its_key(*token, keys);
  return keys.empty() ? by.without_key(*token) : judge(*token, keys, by);
}

// A failure is that of this token only: the thread has others to judge.
Verdict Verifier::Impl::judge_or_refuse(const std::string& text, const Rules& by,
                                        bool& worth_a_fetch) noexcept try {
  return judge(text, by, worth_a_fetch);
} catch (const std::exception& error) {
  log::error("a token could not be judged: {}", error.what());
  return Verdict::no_memory();
}

void Verifier::Impl::remember(const TokenDigest& digest, const Verdict& verdict) {
  if (verdict.fault == TokenFault::none) cache.insert(digest, verdict.identity);
}

// Whether the token is known; then `verdict` says what is true of it now.
bool Verifier::Impl::recall(const TokenDigest& digest, Verdict& verdict) {
  auto identity = cache.find(digest);
  if (!identity) return false;
  if (identity->ends && clock.wall() >= *identity->ends) {
    cache.erase(digest);
    verdict = Verdict::expired();
  } else {
    verdict = Verdict::good(std::move(identity));
  }
  return true;
}

void Verifier::Impl::run() noexcept {
  std::unique_lock lock(mutex);
  for (;;) {
    wake.wait(lock, [this] { return stopping || !order.empty(); });
    if (stopping) return;
    judge_next(lock);
  }
}

void Verifier::Impl::judge_next(std::unique_lock<std::mutex>& lock) noexcept {
  const TokenDigest digest = order.pop();
  Waiting& item = waiting.at(digest);  // stays in its place while others join its callers
  Verdict verdict;
  std::shared_ptr<const Rules> by;
  bool worth_a_fetch = false;
  do {  // again if a reload came between: its callers may have asked after it
    by = rules;
    lock.unlock();
    verdict = judge_or_refuse(item.token, *by, worth_a_fetch);
    lock.lock();
  } while (by != rules);
  try {
    const bool may_wait = !item.waited_for_keys && !stopping;
    if (worth_a_fetch && verdict.fault != TokenFault::none && may_wait && park(digest, item))
      return;
    remember(digest, verdict);
  } catch (const std::exception& error) {
    log::error("a token that was judged could not be kept: {}", error.what());
  }
  const auto answered = std::move(item.callers);
  waiting.erase(digest);
  lock.unlock();
  for (const Caller& caller : answered) tell(caller.done, verdict);
  lock.lock();  // under which their places are given back
}

void Verifier::Impl::stop() noexcept {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  wake.notify_one();
  if (thread.joinable()) thread.join();
  // The thread is gone and nothing joins the queue any more.
  std::map<TokenDigest, Waiting> left;
  {
    const std::lock_guard lock(mutex);
    left.swap(waiting);
    order.clear();
    parked.clear();
  }
  for (const auto& [digest, item] : left)
    for (const Caller& caller : item.callers)
      tell(caller.done, {TokenFault::busy, nullptr, {}, false});
}

Verifier::Verifier(const AuthConfig& config, const Clock& clock)
    : impl_(std::make_unique<Impl>(config, clock)) {}

Verifier::~Verifier() { stop(); }

bool Verifier::open() const noexcept {
  const std::lock_guard lock(impl_->mutex);
  return !impl_->rules->has_key();
}

void Verifier::verify(std::string_view token, std::function<void(Verdict)> done,
                      const std::string& from) {
  impl_->verify(token, from, std::move(done));
}

Verdict Verifier::again(const IdentityPtr& identity) { return impl_->again(identity); }

bool Verifier::passes(std::string_view token) {
  const std::optional<Verdict> verdict = impl_->known(token);
  return verdict && !verdict->counts;
}

void Verifier::reload(const AuthConfig& config) {
  auto fresh = std::make_shared<Rules>(config);
  const std::lock_guard lock(impl_->mutex);
  if (fresh->url == impl_->rules->url) fresh->fetched = impl_->rules->fetched;
  fresh->follow(*impl_->rules);
  impl_->put_in_force(std::move(fresh));
}

void Verifier::fetch_keys_by(std::function<KeyFetch()> ask) {
  const std::lock_guard lock(impl_->mutex);
  impl_->ask_for_keys = std::move(ask);
}

bool Verifier::take_fetched(const std::string& url, std::shared_ptr<const KeySet> keys) {
  const std::lock_guard lock(impl_->mutex);
  if (url.empty() || impl_->rules->url != url) return false;
  auto fresh = std::make_shared<Rules>(*impl_->rules);
  fresh->fetched = std::move(keys);
  fresh->follow(*impl_->rules);
  // Who was let be until they came is to be judged, too.
  const bool gone = impl_->let_some_be.exchange(false) || !fresh->holds_all_of(*impl_->rules);
  impl_->put_in_force(std::move(fresh));
  return gone;
}

void Verifier::fetch_ended() {
  const std::lock_guard lock(impl_->mutex);
  impl_->release_parked();
}

void Verifier::stop() noexcept { impl_->stop(); }

std::uint64_t Verifier::verifications() const noexcept {
  return impl_->verifications.load(std::memory_order_relaxed);
}

}  // namespace zws
