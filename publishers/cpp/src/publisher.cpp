#include "zws/publisher.hpp"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "core/topic.hpp"
#include "early.hpp"
#include "forks.hpp"
#include "header.hpp"
#include "link.hpp"
#include "message.hpp"
#include "quiet_thread.hpp"
#include "repair.hpp"
#include "sent.hpp"

namespace zws {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::uint64_t look_mask = 255;  // every 256th event looks whether bridges came or left
constexpr std::size_t key_bytes_max = 255;
// Another thread's publish may take the signal that wakes who waits for a bridge, so it also looks
// this often.
constexpr std::chrono::milliseconds look_again{10};
// Then bridges know of an event that was dropped: they are told once a second.
constexpr std::chrono::seconds noticed{2};
// ZeroMQ counts milliseconds in 32 bits: 23 days are for ever.
constexpr std::chrono::milliseconds for_ever = std::chrono::hours(24 * 23);

SteadyClock::time_point end_of(std::chrono::milliseconds patience) {
  return SteadyClock::now() + std::min(patience, for_ever);
}

std::chrono::milliseconds rest_until(SteadyClock::time_point end) {
  const auto rest = std::chrono::ceil<std::chrono::milliseconds>(end - SteadyClock::now());
  return std::max(rest, std::chrono::milliseconds{0});
}

// Nanoseconds.
std::int64_t now() {
  const auto time = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

}  // namespace

std::string_view describe(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::sent: return "sent";
    case Outcome::no_bridge: return "no bridge is listening";
    case Outcome::queue_full: return "the queue is full";
    case Outcome::bad_topic: return "the topic is not valid";
    case Outcome::bad_key: return "the key is not valid";
    case Outcome::bad_json: return "the text is not one JSON value";
    case Outcome::too_big: return "the event is larger than max_event_bytes";
    case Outcome::closed: return "the publisher is closed";
  }
  return "";
}

class Publisher::Impl {
 public:
  Impl(const std::vector<std::string>& endpoints, const PublisherOptions& options)
      : headers_(options.headers),
        linger_(options.linger),
        max_event_bytes_(options.max_event_bytes),
        look_mask_(options.bind ? 0 : look_mask),
        asked_at_(repair_endpoints(endpoints, options)),
        sent_(options.topics, asked_at_.empty() ? 0 : options.repair_bytes, asked_at_.size()),
        link_(std::in_place, endpoints, options),
        early_(std::in_place, options.early_seconds, options.queue_events) {
    if (!asked_at_.empty())
      repair_ = std::make_unique<Repair>(link_->context(), asked_at_, options, sent_);
  }

  ~Impl() { close(linger_); }

  Outcome publish(std::string_view topic, std::string_view payload, std::string_view key) {
    if (is_parents()) return Outcome::closed;
    if (payload.size() > max_event_bytes_) return Outcome::too_big;
    if (!key.empty() && (!headers_ || key.size() > key_bytes_max || !is_utf8(key)))
      return Outcome::bad_key;
    const std::lock_guard<std::mutex> lock(sent_.mutex);
    if (!link_) return Outcome::closed;
    Counter* const counter = sent_.counters.next(topic);
    if (!counter) return Outcome::bad_topic;
    if (!ready_ || (++published_ & look_mask_) == 0) look();
    if (headers_) {
      const std::int64_t ts = now();
      header_.clear();
      append_header(header_, sent_.counters.source(), counter->seq, ts, key);
      if (!asked_at_.empty()) sent_.keep(*counter, ts, key, payload);
    }
    if (!ready_ && early_ && early_->take(topic, payload, header_)) {
      sent_.early = true;
      watch_early();
      return Outcome::sent;
    }
    const bool taken = link_->send(topic, payload, header_);
    if (taken && ready_) return Outcome::sent;
    drop(1);
    return taken ? Outcome::no_bridge : Outcome::queue_full;
  }

  bool wait_ready(std::chrono::milliseconds timeout, std::string_view topic) {
    const SteadyClock::time_point end = end_of(timeout);
    if (is_parents()) return false;
    while (!is_ready(topic))
      if (SteadyClock::now() >= end || !wait_for_news(end)) return false;
    return true;
  }

  bool refused() noexcept {
    if (is_parents()) return false;
    const std::lock_guard<std::mutex> lock(sent_.mutex);
    return link_ && link_->refused();
  }

  bool close(std::chrono::milliseconds linger) noexcept {
    if (is_parents()) return true;
    const SteadyClock::time_point end = end_of(linger);
    // A second one would end ZeroMQ's context under the first one's sockets, and wait for them.
    const std::lock_guard<std::mutex> alone(closing_);
    while (early_waits() && SteadyClock::now() < end) wait_for_news(end);
    end_repair(end);
    std::thread watch;
    bool left = true;
    {
      const std::lock_guard<std::mutex> lock(sent_.mutex);
      if (!link_) return true;
      left = drop_early() == 0;
      left = link_->close(rest_until(end)) && left;
      link_.reset();
      watch = std::move(watch_);
    }
    if (watch.joinable()) watch.join();
    return left;
  }

  // In a forked child: its threads are not there, and whoever held a lock never gives it back.
  bool is_parents() const noexcept { return forks_ != forks(); }

  bool headers() const noexcept { return headers_; }
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  bool is_ready(std::string_view topic) {
    const std::lock_guard<std::mutex> lock(sent_.mutex);
    if (!link_) return false;
    look();
    return ready_ && (topic.empty() || link_->look(topic));
  }

  void look() {
    ready_ = link_->look();
    if (!early_) return;
    if (link_->has_subscriber()) {
      send_early();
    } else if (early_->is_over()) {
      drop_early();
    }
  }

  void send_early() {
    std::uint64_t missed = 0;
    for (const auto& [topic, payload, header] : early_->events())
      missed += !link_->send(topic, payload, header) || !ready_;
    end_early();
    drop(missed);
  }

  // How many those were.
  std::size_t drop_early() {
    const std::size_t missed = early_ ? early_->events().size() : 0;
    end_early();
    drop(missed);
    return missed;
  }

  void drop(std::uint64_t events) {
    if (events == 0) return;
    dropped_.fetch_add(events, std::memory_order_relaxed);
    dropped_at_ = SteadyClock::now();
  }

  // Not under the lock, which its thread may be waiting for.
  void end_repair(SteadyClock::time_point end) {
    std::unique_ptr<Repair> repair;
    bool lost = false;
    {
      const std::lock_guard<std::mutex> lock(sent_.mutex);
      repair = std::move(repair_);
      lost = dropped() > 0 && SteadyClock::now() - dropped_at_ < noticed;
    }
    if (repair) repair->finish(end, lost);
  }

  void end_early() {
    early_.reset();
    sent_.early = false;
  }

  // Nobody may publish again: a thread sees to what waits, and ends with it.
  void watch_early() {
    if (watch_.joinable()) return;
    try {
      watch_ = quiet_thread([this] {
        while (early_waits()) wait_for_news(SteadyClock::now() + look_again);
      });
    } catch (const std::system_error&) {
      // No thread to be had. The next event looks too and tries again, and so does the end.
    }
  }

  bool early_waits() {
    const std::lock_guard<std::mutex> lock(sent_.mutex);
    if (!link_ || !early_) return false;
    look();
    return early_ && !early_->events().empty();
  }

  // Without the lock, so that other threads may publish meanwhile. False when there can be none.
  bool wait_for_news(SteadyClock::time_point end) {
    const std::chrono::milliseconds timeout = std::min(rest_until(end), look_again);
    std::vector<pollfd> polled;
    {
      const std::lock_guard<std::mutex> lock(sent_.mutex);
      if (!link_) return false;
      for (const int descriptor : link_->descriptors()) polled.push_back({descriptor, POLLIN, 0});
    }
    ::poll(polled.data(), polled.size(), static_cast<int>(timeout.count()));
    return true;
  }

  const std::uint64_t forks_ = forks();  // of the process that this belongs to
  const bool headers_;
  const std::chrono::milliseconds linger_;
  const std::size_t max_event_bytes_;
  const std::uint64_t look_mask_;  // 0 when bound: no queue is kept then for one that has left
  const std::vector<std::string> asked_at_;  // empty: nothing is held
  std::atomic<std::uint64_t> dropped_{0};

  std::mutex closing_;          // taken before that of sent_
  Sent sent_;                   // its mutex guards everything below, too
  std::optional<Link> link_;    // nothing once closed
  std::optional<Early> early_;  // nothing once a bridge has subscribed, or the time is over
  std::thread watch_;           // over early_
  std::unique_ptr<Repair> repair_;
  std::string header_;  // kept, so that its memory is used again
  bool ready_ = false;
  SteadyClock::time_point dropped_at_;  // the last time
  std::uint64_t published_ = 0;
};

Publisher::Publisher(std::string_view endpoint, PublisherOptions options)
    : Publisher(std::vector<std::string>{std::string(endpoint)}, std::move(options)) {}

Publisher::Publisher(const std::vector<std::string>& endpoints, PublisherOptions options)
    : impl_(std::make_unique<Impl>(endpoints, options)) {}

// A child's own end must not wait for threads that only its parent has.
Publisher::~Publisher() {
  static auto* const left_to_parents = new std::vector<std::unique_ptr<Impl>>;
  if (impl_->is_parents()) left_to_parents->push_back(std::move(impl_));
}

Outcome Publisher::publish(std::string_view topic, std::string_view payload,
                           std::string_view key) noexcept {
  return impl_->publish(topic, payload, key);
}

Outcome Publisher::send_import_progress(std::string_view task_id,
                                        std::string_view progress) noexcept {
  const std::string topic = "import:" + std::string(task_id);
  if (topic_fault(topic) != TopicFault::none) return Outcome::bad_topic;
  const auto message = import_progress_message(task_id, progress);
  return message ? publish(topic, *message) : Outcome::bad_json;
}

Outcome Publisher::send_wallet_update(std::string_view wallet_address,
                                      std::string_view data) noexcept {
  if (!is_utf8(wallet_address)) return Outcome::bad_key;
  const auto message = wallet_update_message(wallet_address, data);
  const std::string_view key = impl_->headers() ? wallet_address : std::string_view{};
  return message ? publish("wallet_updates", *message, key) : Outcome::bad_json;
}

Outcome Publisher::send_notification(std::string_view notification) noexcept {
  const auto message = notification_message(notification);
  return message ? publish("notifications", *message) : Outcome::bad_json;
}

Outcome Publisher::send_notification(std::string_view notification,
                                     const std::vector<std::string>& target_users) noexcept {
  const auto message = notification_message(notification);
  if (!message) return Outcome::bad_json;
  Outcome worst = Outcome::sent;
  std::set<std::string_view> told;
  for (const std::string& user : target_users) {
    if (!told.insert(user).second) continue;
    const Outcome outcome = publish(std::string(topic_user_prefix) + user, *message);
    if (worst == Outcome::sent) worst = outcome;
  }
  return worst;
}

Outcome Publisher::send_system_status(std::string_view data) noexcept {
  const auto message = system_status_message(data);
  return message ? publish("system_status", *message) : Outcome::bad_json;
}

Outcome Publisher::broadcast(std::string_view message) noexcept {
  return publish(topic_all, message);
}

bool Publisher::wait_ready(std::chrono::milliseconds timeout, std::string_view topic) noexcept {
  return impl_->wait_ready(timeout, topic);
}

bool Publisher::refused() const noexcept { return impl_->refused(); }

std::uint64_t Publisher::dropped() const noexcept { return impl_->dropped(); }

bool Publisher::close(std::chrono::milliseconds linger) noexcept { return impl_->close(linger); }

}  // namespace zws
