#include "subscribing.hpp"

#include <nlohmann/json.hpp>

namespace zws::tool {
namespace {

constexpr std::size_t message_bytes_max = 48 << 10;  // leaves room for what stands between
constexpr std::size_t message_positions_max = 500;   // the bridge refuses a thousand

class Message {
 public:
  // False if it has no room.
  bool admit(const Wanted& wanted) {
    const std::string name = nlohmann::json(wanted.name).dump();
    const nlohmann::json since =
        wanted.since.empty() ? nlohmann::json() : nlohmann::json::parse(wanted.since);
    const std::size_t bytes = 2 * name.size() + wanted.since.size() + 8;
    if (!topics_.empty() &&
        (bytes_ + bytes > message_bytes_max || positions_ + since.size() > message_positions_max))
      return false;
    bytes_ += bytes;
    positions_ += since.size();
    topics_ += (topics_.empty() ? "" : ",") + name;
    if (!since.is_null()) since_ += (since_.empty() ? "" : ",") + name + ':' + wanted.since;
    return true;
  }

  std::string text(std::uint64_t last) const {
    std::string text = R"({"type":"subscribe","topics":[)" + topics_ + ']';
    if (!since_.empty()) return text + R"(,"since":{)" + since_ + "}}";
    return last == 0 ? text + '}' : text + R"(,"last":)" + std::to_string(last) + '}';
  }

 private:
  std::string topics_;
  std::string since_;
  std::size_t bytes_ = 0;
  std::size_t positions_ = 0;
};

// A pattern's positions are of its topics, so it goes alone: it is refused whole where one is of no use.
std::string pattern_message(const Wanted& wanted) {
  return R"({"type":"subscribe","topic":)" + nlohmann::json(wanted.name).dump() + R"(,"since":)" +
         wanted.since + '}';
}

}  // namespace

std::vector<std::string> subscribe_messages(const std::vector<Wanted>& wanted, std::uint64_t last) {
  std::vector<std::string> messages;
  for (const bool resumed : {true, false}) {
    Message message;
    bool empty = true;
    const auto end = [&] {
      if (!empty) messages.push_back(message.text(last));
      message = Message();
      empty = true;
    };
    for (const Wanted& each : wanted) {
      if (each.since.empty() == resumed) continue;
      if (each.since.substr(0, 1) == "{") {
        end();
        messages.push_back(pattern_message(each));
        continue;
      }
      if (!message.admit(each)) {
        end();
        message.admit(each);
      }
      empty = false;
    }
    end();
  }
  return messages;
}

}  // namespace zws::tool
