// HttpPlaces: how many plain HTTP requests are in progress and how many bytes they hold, in all and
// for each address: heads that do not end, bodies that are awaited, answers that are not fetched.
//
// Who is let in nowhere can still ask, so what strangers may hold is bounded here. What is small is
// bounded by the number of requests alone, so that a call of a few bytes passes while others hold all
// the bytes there are. An account that is empty takes one of any size: the largest body
// (limits.event_bytes) and the largest answer always have a way.
//
// Thread: any lane; one mutex, taken a few times for a plain request, and for a head longer than 4 KiB.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/http.hpp"

namespace zws {

class HttpPlaces {
 public:
  static constexpr std::size_t requests_max = 1024;
  static constexpr std::size_t requests_per_address_max = 256;
  static constexpr std::size_t bytes_max = std::size_t{64} << 20;
  static constexpr std::size_t bytes_per_address_max = std::size_t{16} << 20;
  static constexpr std::size_t small_bytes = std::size_t{16} << 10;
  static constexpr std::size_t few_lines_bytes = std::size_t{4} << 10;

  // Bytes held now. Thread: any.
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  friend class HttpPlace;

  struct Account {
    std::size_t requests = 0;
    std::size_t bytes = 0;
  };

  HttpCrowd enter(const std::string& address_key);
  HttpCrowd hold(const std::string& address_key, std::size_t bytes, bool always);
  void leave(const std::string& address_key, std::size_t requests, std::size_t bytes) noexcept;

  std::mutex mutex_;
  std::size_t requests_ = 0;
  std::atomic<std::size_t> bytes_{0};  // written under the mutex
  std::unordered_map<std::string, Account> addresses_;
};

// What one connection has of it; all is given back when it goes.
class HttpPlace {
 public:
  HttpPlace(HttpPlaces& places, std::string address_key)
      : places_(places), address_key_(std::move(address_key)) {}
  ~HttpPlace() { give_back(); }
  HttpPlace(const HttpPlace&) = delete;
  HttpPlace& operator=(const HttpPlace&) = delete;

  // The request is complete and of this client: what was held until now is given back, and it counts
  // as one in progress, unless there are too many.
  HttpCrowd enter(std::string address_key);

  // Holds so many bytes more, unless that is too much.
  HttpCrowd hold(std::size_t bytes);

  // The same for an answer. One of a few lines always has room: probes are answered without entering.
  HttpCrowd hold_answer(std::size_t bytes);

 private:
  HttpCrowd hold(std::size_t bytes, bool always);
  void give_back() noexcept;

  HttpPlaces& places_;
  std::string address_key_;
  std::size_t bytes_ = 0;
  bool entered_ = false;
};

}  // namespace zws
