#include "port/http_places.hpp"

namespace zws {

HttpCrowd HttpPlaces::enter(const std::string& address_key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (requests_ >= requests_max) return HttpCrowd::all;
  Account& account = addresses_[address_key];
  if (account.requests >= requests_per_address_max) return HttpCrowd::address;
  ++account.requests;
  ++requests_;
  return HttpCrowd::none;
}

HttpCrowd HttpPlaces::hold(const std::string& address_key, std::size_t bytes, bool always) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto too_much = [bytes, always](std::size_t held, std::size_t most) {
    return !always && held != 0 && held + bytes > most;
  };
  const std::size_t all = bytes_.load(std::memory_order_relaxed);
  if (too_much(all, bytes_max)) return HttpCrowd::all;
  Account& account = addresses_[address_key];
  if (too_much(account.bytes, bytes_per_address_max)) return HttpCrowd::address;
  account.bytes += bytes;
  bytes_.store(all + bytes, std::memory_order_relaxed);
  return HttpCrowd::none;
}

void HttpPlaces::leave(const std::string& address_key, std::size_t requests,
                       std::size_t bytes) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = addresses_.find(address_key);
  if (found == addresses_.end()) return;
  requests_ -= requests;
  bytes_.store(bytes_.load(std::memory_order_relaxed) - bytes, std::memory_order_relaxed);
  found->second.requests -= requests;
  found->second.bytes -= bytes;
  if (found->second.requests == 0 && found->second.bytes == 0) addresses_.erase(found);
}

HttpCrowd HttpPlace::enter(std::string address_key) {
  give_back();
  address_key_ = std::move(address_key);
  const HttpCrowd crowd = places_.enter(address_key_);
  entered_ = crowd == HttpCrowd::none;
  return crowd;
}

HttpCrowd HttpPlace::hold(std::size_t bytes) {
  return hold(bytes, entered_ && bytes_ + bytes <= HttpPlaces::small_bytes);
}

HttpCrowd HttpPlace::hold_answer(std::size_t bytes) {
  return bytes <= HttpPlaces::few_lines_bytes ? hold(bytes, true) : hold(bytes);
}

HttpCrowd HttpPlace::hold(std::size_t bytes, bool always) {
  const HttpCrowd crowd = places_.hold(address_key_, bytes, always);
  if (crowd == HttpCrowd::none) bytes_ += bytes;
  return crowd;
}

void HttpPlace::give_back() noexcept {
  if (bytes_ == 0 && !entered_) return;
  places_.leave(address_key_, entered_ ? 1 : 0, bytes_);
  bytes_ = 0;
  entered_ = false;
}

}  // namespace zws
