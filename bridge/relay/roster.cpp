#include "relay/roster.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>

#include "core/log.hpp"
#include "relay/member_text.hpp"

namespace zws {
namespace {

constexpr std::chrono::milliseconds refresh{2000};
constexpr std::chrono::milliseconds ask_again{500};
// A holder that lives writes more often than that.
constexpr std::chrono::milliseconds dead_after{2500};
constexpr std::size_t listed_max = 256;

std::string_view text_of(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view{} : std::string_view(reply.str, reply.len);
}

bool is_string(const redisReply* reply) {
  return reply != nullptr && reply->type == REDIS_REPLY_STRING;
}

// How many hear the one channel that PUBSUB NUMSUB was asked for.
long long listeners_of(const redisReply& answer) {
  const bool fits = answer.type == REDIS_REPLY_ARRAY && answer.elements == 2 &&
                    answer.element[1]->type == REDIS_REPLY_INTEGER;
  return fits ? answer.element[1]->integer : 0;
}

}  // namespace

Roster::Roster(asio::io_context& loop, Parts parts) : parts_(std::move(parts)), timer_(loop) {}

std::string Roster::key_of(std::string_view name) const {
  return parts_.prefix + "bridge:" + std::string(name);
}

FleetMember Roster::self() const {
  FleetMember self = parts_.self();
  self.name = parts_.name;
  self.lag_ms = static_cast<std::uint64_t>(parts_.link->lag().count());
  return self;
}

void Roster::begin() { beat(); }

void Roster::end() {
  timer_.cancel();
  doubted_.clear();
  set(Standing::unknown);
}

void Roster::set(Standing standing, const std::string& fault) {
  const bool another = standing != standing_ || standing == Standing::refused;
  standing_ = standing;
  if (another) parts_.on_change(standing, fault);
}

bool Roster::refuses(const redisReply& answer) {
  if (answer.type != REDIS_REPLY_ERROR) return false;
  set(Standing::refused, parts_.link->fault_of(answer));
  return true;
}

// --- this bridge's name --------------------------------------------------------------------------

void Roster::beat() {
  if (leaving_) return;
  timer_.expires_after(standing_ == Standing::member ? refresh : ask_again);
  timer_.async_wait([this, there = there_](const std::error_code& fault) {
    if (*there && !fault) beat();
  });
  parts_.link->send({"GET", key_of(parts_.name)},
                    [this](const redisReply* holder) { judge_holder(holder); });
}

void Roster::judge_holder(const redisReply* holder) {
  if (holder == nullptr || leaving_ || refuses(*holder)) return;
  if (holder->type == REDIS_REPLY_NIL) return write("NX");
  if (is_held_by_this(holder)) return write("XX");
  const std::string text(text_of(*holder));
  parts_.link->send({"PUBSUB", "NUMSUB", parts_.channels + "answers:" + parts_.name},
                    [this, text](const redisReply* answer) {
                      if (answer == nullptr || leaving_ || refuses(*answer)) return;
                      if (listeners_of(*answer) > 0) return set(Standing::taken);
                      doubt(text);
                    });
}

// Nobody listens where the holder would.
void Roster::doubt(const std::string& text) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (text != doubted_) {
    const bool lives = !doubted_.empty();
    doubted_ = text;
    doubted_at_ = now;
    return set(lives ? Standing::taken : Standing::doubtful);
  }
  if (now - doubted_at_ >= dead_after) write("XX");
}

void Roster::write(const char* condition) {
  const std::string ends = std::to_string(std::chrono::milliseconds(3 * refresh).count());
  const MemberText told{self(), parts_.life, ++beats_};
  parts_.link->send({"SET", key_of(parts_.name), told.text(), "PX", ends, condition},
                    [this](const redisReply* answer) { written(answer); });
}

// Where the condition did not hold the next beat sees why.
void Roster::written(const redisReply* answer) {
  if (answer == nullptr || leaving_ || refuses(*answer) || answer->type == REDIS_REPLY_NIL) return;
  doubted_.clear();
  parts_.link->send({"SADD", parts_.prefix + "bridges", parts_.name},
                    [this](const redisReply* added) {
                      if (added == nullptr || leaving_ || refuses(*added)) return;
                      set(Standing::member);
                    });
}

void Roster::leave(std::function<void()> done) {
  leaving_ = true;
  timer_.cancel();
  const bool asked =
      standing_ == Standing::member &&
      parts_.link->send({"GET", key_of(parts_.name)}, [this, done](const redisReply* holder) {
        if (is_held_by_this(holder)) return give_back(done);
        done();
      });
  if (!asked) done();
}

// A bridge that hung for longer than its key stays may find another's there.
bool Roster::is_held_by_this(const redisReply* holder) const {
  if (!is_string(holder)) return false;
  const auto told = MemberText::parse(text_of(*holder));
  return told && told->life == parts_.life;
}

void Roster::give_back(const std::function<void()>& done) {
  const bool asked =
      parts_.link->send({"SREM", parts_.prefix + "bridges", parts_.name},
                        [](const redisReply*) {}) &&
      parts_.link->send({"DEL", key_of(parts_.name)}, [done](const redisReply*) { done(); });
  if (!asked) done();
}

// --- all of them ---------------------------------------------------------------------------------

void Roster::members(std::function<void(std::vector<FleetMember>)> done) {
  const bool asked =
      standing_ == Standing::member &&
      parts_.link->send({"SRANDMEMBER", parts_.prefix + "bridges", std::to_string(listed_max)},
                        [this, done](const redisReply* answer) {
                          std::vector<std::string> names;
                          if (answer != nullptr && answer->type == REDIS_REPLY_ARRAY)
                            for (std::size_t i = 0; i < answer->elements; ++i)
                              if (is_string(answer->element[i]))
                                names.emplace_back(text_of(*answer->element[i]));
                          read(std::move(names), done);
                        });
  if (!asked) done({self()});
}

// A name whose key has ended is a bridge's that is gone.
void Roster::read(std::vector<std::string> names,
                  std::function<void(std::vector<FleetMember>)> done) {
  RedisLink::Words words{"MGET"};
  for (const std::string& name : names) words.push_back(key_of(name));
  const auto finish = [this, names, done](const redisReply* answer) {
    std::vector<FleetMember> all{self()};
    const std::size_t read =
        answer != nullptr && answer->type == REDIS_REPLY_ARRAY ? answer->elements : 0;
    for (std::size_t i = 0; i < std::min(read, names.size()); ++i) {
      if (names[i] == parts_.name) continue;
      if (answer->element[i]->type == REDIS_REPLY_NIL)
        parts_.link->send({"SREM", parts_.prefix + "bridges", names[i]}, [](const redisReply*) {});
      if (!is_string(answer->element[i])) continue;
      auto told = MemberText::parse(text_of(*answer->element[i]));
      if (told && told->member.name == names[i]) all.push_back(std::move(told->member));
    }
    std::sort(all.begin(), all.end(),
              [](const FleetMember& a, const FleetMember& b) { return a.name < b.name; });
    done(std::move(all));
  };
  if (names.empty() || !parts_.link->send(words, finish)) finish(nullptr);
}

}  // namespace zws
