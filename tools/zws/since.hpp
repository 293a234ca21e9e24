// Since: from which positions on a subscription wants what it missed.
//
// Thread: any; a value. Throws Failure (usage) for what fits no topic.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace zws::tool {

class Since {
 public:
  // `given`: "SRC:SEQ" (when there is one literal topic) or "TOPIC=SRC:SEQ" each.
  Since(const std::vector<std::string>& topics, const std::vector<std::string>& given);

  // The JSON value of `since` in the subscription to `topic` (a pattern too); empty: none.
  std::string json_for(const std::string& topic) const;

 private:
  // Subscription -> topic -> positions.
  std::map<std::string, std::map<std::string, std::vector<std::string>>> positions_;
};

}  // namespace zws::tool
