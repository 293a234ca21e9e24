#include "relay/call_gate.hpp"

namespace zws {
namespace {

// A call is too old before its id is forgotten.
constexpr auto remembered = CallGate::age_max + CallGate::ahead_max + std::chrono::seconds(4);

std::chrono::milliseconds since_epoch(SteadyTime time) noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
}

}  // namespace

bool CallGate::set_time(std::chrono::milliseconds unix_time, SteadyTime asked,
                        SteadyTime now) noexcept {
  const bool prompt = now - asked <= answer_max;
  if (!prompt && knows_time_) return false;
  offset_ = unix_time - since_epoch(now);
  knows_time_ = true;
  return prompt;
}

std::chrono::milliseconds CallGate::time(SteadyTime now) const noexcept {
  return since_epoch(now) + offset_;
}

std::optional<CallText> CallGate::admit(std::string_view text, SteadyTime now) {
  auto told = CallText::parse(text, payload_max_);
  if (!told || !knows_time_) return std::nullopt;
  const auto age = time(now) - std::chrono::milliseconds(told->sent_ms);
  if (age > age_max || age < -ahead_max || !is_first(told->id, now)) return std::nullopt;
  return told;
}

bool CallGate::is_first(const std::string& id, SteadyTime now) {
  while (!seen_.empty() && now - seen_.front().at > remembered) {
    ids_.erase(*seen_.front().id);
    seen_.pop_front();
  }
  if (ids_.size() >= ids_max) return false;
  const auto [place, fresh] = ids_.insert(id);
  if (fresh) seen_.push_back({now, &*place});
  return fresh;
}

}  // namespace zws
