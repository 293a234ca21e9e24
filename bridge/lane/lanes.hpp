// Lanes, the pool of workers: all lanes of the bridge, the ports they share, and the graceful end (drain).
//
// Thread: the constructor, start(), drain() and stop() from main; run_all() and gather() from any.
// Lifetime: outlives the source and everything that posts to it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lane/lane.hpp"
#include "lane/memory_guard.hpp"

namespace zws {

class Lanes {
 public:
  // Binds the ports and makes the lanes. Throws StartupError.
  Lanes(ConfigPtr config, Verifier& verifier, Exchange& exchange, Metrics& metrics);
  ~Lanes();

  // How many lanes `config` asks for.
  static std::size_t count_for(const Config& config);

  // `tls` is null for a plain port. `each_second` is called about once a second, on the first lane.
  void start(const TlsPtr& tls, HttpHandler& http, std::function<void()> each_second);

  // A lane that is alone drains the producers itself, from start() on; false when there are more.
  bool feed_from(Feed& feed);
  // Returns when no lane touches the feed any more.
  void stop_feeding();

  // Returns when every lane has it: `tls` is for connections from now on. Thread: main.
  void reload(const ConfigPtr& config, const TlsPtr& tls);

  // Has the tokens of all sessions judged by the keys and rules in force. Returns when that is done.
  // Thread: main.
  void review();

  // Stops accepting, flushes, closes every client with 1012 spread over `time`, and returns when all
  // are gone or the time is over. `hurry` is asked between and ends it at once.
  void drain(Duration time, const std::function<bool()>& hurry);
  void stop();

  const std::vector<ListenAddress>& addresses() const noexcept { return addresses_; }
  const AdminToken& admin_token() const noexcept { return admin_token_; }
  Admission& admission() noexcept { return admission_; }
  bool draining() const noexcept { return draining_.load(std::memory_order_relaxed); }

  // Whether all lanes have done some work since the last call that said so. Thread: main.
  bool alive();

  std::size_t size() const noexcept { return lanes_.size(); }
  Lane& operator[](std::size_t i) noexcept { return *lanes_[i]; }
  std::vector<BatchSink*> sinks() const;

  template <typename Work>
  void run_all(Work work) {
    for (const auto& lane : lanes_) lane->run(work);
  }

  // Asks every lane `ask(lane)` on its own thread, and calls `done` with all answers, in lane order,
  // on the lane that answered last. Nobody waits.
  template <typename Answer, typename Ask, typename Done>
  void gather(Ask ask, Done done) {
    gather_in_slices<Answer>(
        [ask = std::move(ask)](Lane& lane, Answer& answer) mutable {
          answer = ask(lane);
          return false;
        },
        std::move(done));
  }

  // The same for what takes long: each lane calls its own copy of `step(lane, answer)` until that is
  // false, and does its other work in between.
  template <typename Answer, typename Step, typename Done>
  void gather_in_slices(Step step, Done done) {
    auto state = std::make_shared<Gathering<Answer, Done>>(lanes_.size(), std::move(done));
    for (std::size_t i = 0; i < lanes_.size(); ++i)
      lanes_[i]->run(Slices<Answer, Step, Done>{state, step, i});
  }

 private:
  template <typename Answer, typename Done>
  struct Gathering {
    Gathering(std::size_t count, Done call) : answers(count), left(count), done(std::move(call)) {}

    std::vector<Answer> answers;
    std::atomic<std::size_t> left;
    Done done;
  };

  template <typename Answer, typename Step, typename Done>
  struct Slices {
    std::shared_ptr<Gathering<Answer, Done>> state;
    Step step;
    std::size_t index;

    void operator()(Lane& lane) {
      if (step(lane, state->answers[index])) return lane.run(std::move(*this));
      if (state->left.fetch_sub(1, std::memory_order_acq_rel) == 1)
        state->done(std::move(state->answers));
    }
  };

  // Returns when every lane has done it, and throws what one of them threw. Thread: main.
  void run_all_and_wait(const std::function<void(Lane&)>& work);
  void review_begun();
  void write_admin_token();
  void tend_sources();
  // --- memory, on the first lane ---
  void set_memory_limit(const Config& config);
  void look_after_memory();
  MemoryGuard::Level trimmed();
  // What each on a lane holds, and what those that have left have still to give back.
  struct Holders {
    std::vector<MemoryHolder> holders;
    std::size_t on_its_way = 0;
  };
  void relieve();
  static Holders holders_of(Lane& lane);
  void close_most(std::vector<Holders> lanes);
  void close_holders(const std::vector<MemoryHolder>& chosen);

  const ConfigPtr config_;
  const bool open_mode_;
  Exchange& exchange_;
  Admission admission_;
  HttpPlaces places_;
  Metrics& metrics_;
  MemoryGuard memory_{resident_bytes};
  log::Quiet memory_log_;
  unsigned relief_pause_ = 0;  // looks until what was let go is gone for certain
  unsigned trim_pause_ = 0;    // looks until the next trim
  bool tending_ = false;       // tend_sources() goes on by itself
  AdminToken admin_token_;
  std::vector<ListenAddress> addresses_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<bool> draining_{false};
  std::shared_ptr<std::atomic<bool>> answered_ = std::make_shared<std::atomic<bool>>(true);
};

}  // namespace zws
