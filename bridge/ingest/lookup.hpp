// Lookup: what addresses names have, asked aside again and again.
//
// Thread: one of its own for each name, as the system's resolver waits and cannot be told to stop; so
// the end of this does not wait for them: what they share with it is theirs, too.
// Bound: one answer for each name.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace zws {

class Lookup {
 public:
  struct Answer {
    std::string name;                    // the endpoint as configured
    std::vector<std::string> addresses;  // endpoints; none if the name has none
  };

  // Of "tcp://HOST:PORT" each, for the first time at once.
  Lookup(const std::vector<std::string>& names, std::chrono::milliseconds interval);
  ~Lookup();

  // What has come since the last call. Never waits.
  std::vector<Answer> take();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace zws
