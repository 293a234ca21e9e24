#include "lane/lanes.hpp"

#include <malloc.h>

#include <algorithm>
#include <future>
#include <thread>

#include "config/descriptors.hpp"

namespace zws {
namespace {

constexpr std::chrono::milliseconds drain_step{50};
constexpr unsigned relief_looks = 3;  // time to close who was chosen, before others are
constexpr unsigned trim_looks = 50;   // a trim takes time, and may bring nothing

// Of the first that has one, else 0.
unsigned port_of(const std::vector<ListenAddress>& addresses) {
  for (const ListenAddress& address : addresses) {
    const std::string& text = address.text;
    if (!address.local) return static_cast<unsigned>(std::stoul(text.substr(text.rfind(':') + 1)));
  }
  return 0;
}

}  // namespace

std::size_t Lanes::count_for(const Config& config) {
  if (config.server.threads != 0) return config.server.threads;
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  return std::max<std::size_t>(1, cores - 1);
}

Lanes::Lanes(ConfigPtr config, Verifier& verifier, Exchange& exchange, Metrics& metrics)
    : config_(config),
      open_mode_(verifier.open()),
      exchange_(exchange),
      admission_(config->limits, share_descriptors(*config).clients),
      metrics_(metrics) {
  const std::size_t most = share_descriptors(*config).clients;
  if (config->limits.connections > most)
    log::warning(
        "limits.connections {} is lowered to {}: that is what the limit on open files allows",
        config->limits.connections, most);
  const std::size_t count = count_for(*config);
  addresses_ = listen_on(config->server.listen, count);
  for (std::size_t i = 0; i < count; ++i) {
    const Lane::Shared shared{&verifier, &exchange, &admin_token_, &admission_, &places_, i};
    lanes_.push_back(std::make_unique<Lane>(shared, config, metrics.lane(i)));
  }
}

Lanes::~Lanes() { stop(); }

std::vector<BatchSink*> Lanes::sinks() const {
  std::vector<BatchSink*> sinks;
  for (const auto& lane : lanes_) sinks.push_back(lane.get());
  return sinks;
}

void Lanes::write_admin_token() {
  std::string fault;
  admin_token_ = AdminToken::write(config_->auth.admin_token_file, port_of(addresses_), fault);
  std::string where;
  for (const ListenAddress& address : addresses_)
    where += (where.empty() ? "" : " or ") + address.text;
  log::info("open mode: no key is configured, so whoever reaches {} reads every topic", where);
  if (fault.empty()) {
    log::info("the administrator's token is in {}", admin_token_.file());
  } else {
    log::warning("there is no administrator: its token cannot be written: {}", fault);
  }
}

void Lanes::start(const TlsPtr& tls, HttpHandler& http, std::function<void()> each_second) {
  if (open_mode_) write_admin_token();
  set_memory_limit(*config_);
  lanes_.front()->look_often([this] {
    exchange_.sweep();
    if (!tending_) tend_sources();
    look_after_memory();
  });
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    std::vector<Listener> listeners;
    for (const ListenAddress& address : addresses_)
      listeners.push_back({address.descriptors[i], address.local});
    lanes_[i]->start(listeners, tls, &http, std::move(each_second));
    each_second = nullptr;  // the first lane's only
  }
}

// A slice at a time, with the lane's other work in between.
void Lanes::tend_sources() {
  tending_ = exchange_.tend_sources();
  if (tending_) lanes_.front()->run([this](Lane&) { tend_sources(); });
}

bool Lanes::feed_from(Feed& feed) {
  if (lanes_.size() != 1) return false;
  lanes_.front()->feed_from(feed);
  return true;
}

void Lanes::stop_feeding() {
  run_all_and_wait([](Lane& lane) { lane.stop_feeding(); });
}

void Lanes::reload(const ConfigPtr& config, const TlsPtr& tls) {
  admission_.reload(config->limits);
  set_memory_limit(*config);
  run_all_and_wait([&](Lane& lane) { lane.reload(config, tls); });
  review_begun();
}

void Lanes::review() {
  run_all_and_wait([](Lane& lane) { lane.begin_review(); });
  review_begun();
}

void Lanes::review_begun() {
  // In slices, between which each lane does its work.
  std::atomic<bool> more{true};
  while (more.exchange(false))
    run_all_and_wait([&more](Lane& lane) {
      if (lane.review_some()) more = true;
    });
}

void Lanes::run_all_and_wait(const std::function<void(Lane&)>& work) {
  auto done = std::make_shared<std::promise<void>>();
  gather<std::exception_ptr>(
      [work](Lane& lane) noexcept -> std::exception_ptr {
        try {
          work(lane);
          return nullptr;
        } catch (...) {
          return std::current_exception();
        }
      },
      [done](const std::vector<std::exception_ptr>& faults) {
        for (const std::exception_ptr& fault : faults)
          if (fault) return done->set_exception(fault);
        done->set_value();
      });
  done->get_future().get();
}

// --- memory --------------------------------------------------------------------------------------

void Lanes::set_memory_limit(const Config& config) {
  const std::size_t set = config.limits.memory_bytes;
  memory_.set_limit(set != 0 ? set : cgroup_memory_limit());
}

void Lanes::look_after_memory() {
  MemoryGuard::Level level = memory_.look();
  if (relief_pause_ > 0) --relief_pause_;
  if (trim_pause_ > 0) --trim_pause_;
  const bool may_close = level == MemoryGuard::Level::critical && relief_pause_ == 0;
  if (may_close || (level == MemoryGuard::Level::tight && trim_pause_ == 0)) level = trimmed();
  admission_.set_short_of_memory(level != MemoryGuard::Level::good);
  metrics_.memory_limit.set(memory_.limit());  // who sees it sees what follows from it
  if (may_close && level == MemoryGuard::Level::critical) return relieve();
  std::uint64_t suppressed = 0;
  if (level == MemoryGuard::Level::tight && memory_log_.pass(suppressed))
    log::warning("memory is at {} % of limits.memory_bytes ({}): new clients are refused{}",
                 memory_.percent(), memory_.limit(), log::more(suppressed));
}

// Memory that was freed counts until the system has it back: clients would be kept out, and others
// closed, for memory that nobody holds.
MemoryGuard::Level Lanes::trimmed() {
  trim_pause_ = trim_looks;
  ::malloc_trim(0);
  return memory_.look();
}

// Asks all lanes who holds what, and then closes those of all lanes that hold most. Meanwhile some may have
// left, so it looks again.
void Lanes::relieve() {
  relief_pause_ = relief_looks;
  gather<Holders>([](Lane& lane) { return holders_of(lane); },
                  [this](std::vector<Holders> lanes) {
                    lanes_.front()->run([this, lanes = std::move(lanes)](Lane&) mutable {
                      close_most(std::move(lanes));
                    });
                  });
}

// Nobody's memory counts twice: what those that have left still hold is on its way.
Lanes::Holders Lanes::holders_of(Lane& lane) {
  Holders of_lane;
  for (Session* session : lane.sessions()) {
    const std::size_t bytes = session->held_bytes();
    if (session->left()) {
      of_lane.on_its_way += bytes;
    } else if (bytes != 0) {
      of_lane.holders.push_back({bytes, 0, session->place.ticket});
    }
  }
  return of_lane;
}

void Lanes::close_most(std::vector<Holders> lanes) {
  if (trimmed() != MemoryGuard::Level::critical) return;
  std::size_t excess = memory_.excess();
  std::vector<MemoryHolder> all;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    excess -= std::min(excess, lanes[i].on_its_way);
    for (MemoryHolder& holder : lanes[i].holders) {
      holder.lane = i;
      all.push_back(holder);
    }
  }
  if (excess == 0) return;
  const std::vector<MemoryHolder> chosen = who_must_go(std::move(all), excess);
  std::uint64_t suppressed = 0;
  if (chosen.empty()) {
    if (memory_log_.pass(suppressed))
      log::warning(
          "memory is at {} % of limits.memory_bytes ({}): new clients are refused; clients hold "
          "so little of it that closing them would not help{}",
          memory_.percent(), memory_.limit(), log::more(suppressed));
    return;
  }
  log::warning(
      "memory is at {} % of limits.memory_bytes ({}): new clients are refused, and {} that hold "
      "most of it are closed with 4410",
      memory_.percent(), memory_.limit(), chosen.size());
  close_holders(chosen);
}

void Lanes::close_holders(const std::vector<MemoryHolder>& chosen) {
  for (const MemoryHolder& holder : chosen) {
    lanes_[holder.lane]->run([ticket = holder.ticket](Lane& lane) {
      Session* session = lane.find(ticket);
      if (session == nullptr) return;
      lane.metrics().closed_for_memory.add();
      session->close_for_memory();
    });
  }
}

void Lanes::drain(Duration time, const std::function<bool()>& hurry) {
  draining_ = true;
  const auto end = std::chrono::steady_clock::now() + time;
  // Closing everybody at once would bring everybody back at once; most of the time is for spreading,
  // the rest for the clients' own half of the closing handshake.
  run_all([time](Lane& lane) { lane.send_all_away(time * 3 / 5); });
  while (admission_.connections() > 0 && std::chrono::steady_clock::now() < end && !hurry())
    std::this_thread::sleep_for(drain_step);
}

bool Lanes::alive() {
  if (!answered_->load(std::memory_order_relaxed)) return false;
  answered_ = std::make_shared<std::atomic<bool>>(false);
  gather<char>([](Lane&) { return '\0'; },
               [answered = answered_](const std::vector<char>&) { answered->store(true); });
  return true;
}

void Lanes::stop() {
  for (const auto& lane : lanes_) lane->stop();
  for (const ListenAddress& address : addresses_) remove_socket(address);
}

}  // namespace zws
