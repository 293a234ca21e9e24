#include "client/admission.hpp"

#include <algorithm>

namespace zws {
namespace {

constexpr std::size_t failures_max = 65'536;
constexpr std::chrono::minutes failure_window{1};

}  // namespace

Admission::Admission(const LimitsConfig& limits, std::size_t descriptors)
    : limits_(limits), descriptors_(descriptors) {}

void Admission::reload(const LimitsConfig& limits) {
  const std::lock_guard<std::mutex> lock(mutex_);
  limits_ = limits;
}

Admission::Answer Admission::to_anybody() const noexcept {
  if (short_of_memory_) return Answer::short_of_memory;
  const std::size_t most =
      limits_.connections == 0 ? descriptors_ : std::min(limits_.connections, descriptors_);
  return connections_ >= most ? Answer::full : Answer::admitted;
}

Admission::Answer Admission::standing() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return to_anybody();
}

Admission::Answer Admission::enter(const std::string& address_key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const Answer answer = to_anybody(); answer != Answer::admitted) return answer;
  std::size_t& from_here = addresses_[address_key];
  if (limits_.connections_per_ip != 0 && from_here >= limits_.connections_per_ip)
    return Answer::full_for_address;
  ++from_here;
  ++connections_;
  return Answer::admitted;
}

void Admission::leave(const std::string& address_key) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  --connections_;
  decrement(addresses_, address_key);
}

bool Admission::enter_user(const std::string& user) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::size_t& of_user = users_[user];
  if (limits_.connections_per_user != 0 && of_user >= limits_.connections_per_user) return false;
  ++of_user;
  return true;
}

void Admission::leave_user(const std::string& user) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  decrement(users_, user);
}

void Admission::decrement(std::unordered_map<std::string, std::size_t>& counts,
                          const std::string& key) noexcept {
  const auto found = counts.find(key);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

void Admission::count_failed_token(const std::string& address_key, SteadyTime now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (limits_.failed_tokens_per_minute == 0) return;
  if (failures_.size() >= failures_max) failures_.clear();
  Failures& failures = failures_.try_emplace(address_key, Failures{now, 0}).first->second;
  if (now - failures.since >= failure_window) failures = {now, 0};
  ++failures.count;
}

bool Admission::too_many_failed_tokens(const std::string& address_key, SteadyTime now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = failures_.find(address_key);
  if (found == failures_.end() || limits_.failed_tokens_per_minute == 0) return false;
  if (now - found->second.since >= failure_window) {
    failures_.erase(found);
    return false;
  }
  return found->second.count >= limits_.failed_tokens_per_minute;
}

std::size_t Admission::connections() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return connections_;
}

std::size_t Admission::users() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return users_.size();
}

}  // namespace zws
