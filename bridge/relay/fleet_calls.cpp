#include "relay/fleet_calls.hpp"

#include <hiredis/hiredis.h>

#include <asio/post.hpp>
#include <cstdlib>

namespace zws {
namespace {

constexpr std::chrono::milliseconds answer_max{1000};
constexpr std::chrono::seconds time_refresh{10};
constexpr std::chrono::seconds time_again{1};  // where the answer took long
constexpr std::size_t in_hand_max = 256;

std::string_view text_of(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view{} : std::string_view(reply.str, reply.len);
}

// Of TIME: seconds, and microseconds of the next one.
std::optional<std::chrono::milliseconds> time_of(const redisReply& answer) {
  if (answer.type != REDIS_REPLY_ARRAY || answer.elements != 2) return std::nullopt;
  const long long seconds = std::atoll(std::string(text_of(*answer.element[0])).c_str());
  const long long microseconds = std::atoll(std::string(text_of(*answer.element[1])).c_str());
  return std::chrono::milliseconds(seconds * 1000 + microseconds / 1000);
}

}  // namespace

FleetCalls::FleetCalls(asio::io_context& loop, Parts parts)
    : loop_(loop), parts_(std::move(parts)), gate_(parts_.payload_max), time_timer_(loop) {}

void FleetCalls::begin(std::function<void(const std::string&)> known) {
  gate_.forget_time();
  ask_time(std::move(known));
}

void FleetCalls::ask_time(std::function<void(const std::string&)> known) {
  ask_time_in(time_refresh);
  const SteadyTime asked = std::chrono::steady_clock::now();
  parts_.link->send({"TIME"}, [this, asked, known = std::move(known)](const redisReply* answer) {
    if (answer == nullptr) return;
    const auto time = time_of(*answer);
    if (!time) return known(parts_.link->fault_of(*answer));
    if (!gate_.set_time(*time, asked, std::chrono::steady_clock::now())) ask_time_in(time_again);
    known({});
  });
}

void FleetCalls::ask_time_in(std::chrono::seconds pause) {
  time_timer_.expires_after(pause);
  time_timer_.async_wait([this, there = there_](const std::error_code& fault) {
    if (*there && !fault) ask_time([](const std::string&) {});
  });
}

void FleetCalls::end() {
  time_timer_.cancel();
  hears_ = false;
}

// --- what this bridge asks -----------------------------------------------------------------------

void FleetCalls::call(FleetCall call, std::function<void(std::vector<FleetAnswer>)> done) {
  if (!hears_) return done({});
  CallText told{parts_.life + '-' + std::to_string(++numbered_), parts_.name,
                gate_.time(std::chrono::steady_clock::now()).count(), std::move(call)};
  const std::string id = told.id;
  const bool sent =
      parts_.link->send({"PUBLISH", calls_channel(), told.text()},
                        [this, id](const redisReply* answer) { heard_by(id, answer); });
  if (!sent) return done({});
  parts_.metrics->calls_sent.add();
  auto asked = std::make_unique<Asked>(loop_);
  asked->done = std::move(done);
  asked->deadline.expires_after(answer_max);
  asked->deadline.async_wait([this, there = there_, id](const std::error_code& fault) {
    if (*there && !fault) finish(id);
  });
  asked_.emplace(id, std::move(asked));
}

// This bridge hears its own call, too.
void FleetCalls::heard_by(const std::string& id, const redisReply* answer) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) return;
  if (answer == nullptr || answer->type != REDIS_REPLY_INTEGER) return finish(id);
  found->second->wanted = answer->integer > 0 ? static_cast<std::size_t>(answer->integer - 1) : 0;
  finish_if_whole(id);
}

void FleetCalls::finish_if_whole(const std::string& id) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) return;
  const Asked& asked = *found->second;
  if (asked.wanted && asked.answers.size() >= *asked.wanted) finish(id);
}

void FleetCalls::finish(const std::string& id) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) return;
  const std::unique_ptr<Asked> asked = std::move(found->second);
  asked_.erase(found);
  asked->done(std::move(asked->answers));
}

// --- what comes ----------------------------------------------------------------------------------

void FleetCalls::take(std::string_view channel, std::string_view text) {
  if (channel == calls_channel()) return take_call(text);
  if (channel == answers_channel()) take_answer(text);
}

void FleetCalls::take_call(std::string_view text) {
  auto told = gate_.admit(text, std::chrono::steady_clock::now());
  if (!told || in_hand_ >= in_hand_max) return refuse();
  if (told->id.compare(0, parts_.life.size(), parts_.life) == 0) return;  // its own
  parts_.metrics->calls_received.add();
  ++in_hand_;
  FleetCall call = std::move(told->call);
  parts_.carry_out(std::move(call),
                   [this, there = there_, told = std::move(*told)](FleetAnswer done) {
                     asio::post(loop_, [this, there, told, done = std::move(done)] {
                       if (*there) answer(told, done);
                     });
                   });
}

void FleetCalls::answer(const CallText& call, FleetAnswer done) {
  --in_hand_;
  const AnswerText told{call.id, parts_.name, std::move(done)};
  parts_.link->send({"PUBLISH", parts_.channels + "answers:" + call.from, told.text()},
                    [](const redisReply*) {});
}

// One that comes too late is nobody's any more.
void FleetCalls::take_answer(std::string_view text) {
  auto told = AnswerText::parse(text);
  if (!told) return refuse();
  const auto found = asked_.find(told->id);
  if (found == asked_.end() || told->from == parts_.name) return;
  Asked& asked = *found->second;
  if (!asked.who.insert(told->from).second) return;
  asked.answers.push_back(std::move(told->answer));
  finish_if_whole(told->id);
}

void FleetCalls::refuse() {
  parts_.metrics->calls_refused.add();
  std::uint64_t suppressed = 0;
  if (refused_log_.pass(suppressed))
    log::warning(
        "relay: a message in a channel of the fleet is no call, too old, or was seen before{}",
        log::more(suppressed));
}

}  // namespace zws
