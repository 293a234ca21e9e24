#include "since.hpp"

#include <nlohmann/json.hpp>

#include "core/log.hpp"
#include "core/pattern.hpp"
#include "core/position.hpp"
#include "failure.hpp"

namespace zws::tool {

Since::Since(const std::vector<std::string>& topics, const std::vector<std::string>& given) {
  for (const std::string& one : given) {
    const std::size_t equals = one.rfind('=');
    const std::string position = equals == one.npos ? one : one.substr(equals + 1);
    if (!Position::parse(position))
      throw Failure(Exit::usage, "--since wants an id such as 'k3J9xQ:17', not '" +
                                     log::escaped(position) + "'");
    if (equals == one.npos && (topics.size() != 1 || !Pattern::parse(topics[0])->is_literal()))
      throw Failure(Exit::usage, "an id counts on its own topic only: --since TOPIC=" + position);
    const std::string topic = equals == one.npos ? topics[0] : one.substr(0, equals);
    bool found = false;
    for (const std::string& subscription : topics) {
      if (!Pattern::parse(subscription)->matches(topic)) continue;
      positions_[subscription][topic].push_back(position);
      found = true;
    }
    if (!found)
      throw Failure(Exit::usage,
                    "--since names '" + log::escaped(topic) + "', which is not listened to");
  }
}

std::string Since::json_for(const std::string& topic) const {
  const auto found = positions_.find(topic);
  if (found == positions_.end()) return {};
  const nlohmann::json object = found->second;
  return Pattern::parse(topic)->is_literal() ? object.begin()->dump() : object.dump();
}

}  // namespace zws::tool
