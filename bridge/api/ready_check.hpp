// ReadyCheck: whether the bridge is ready, and what is wrong: the answer of /readyz, and what @stats tells of it.
//
// Thread: any. Lifetime: what it looks at outlives it.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "auth/key_fetcher.hpp"
#include "core/fleet.hpp"
#include "lane/lanes.hpp"

namespace zws {

struct Readiness {
  bool ready = false;
  std::vector<std::string> reasons;  // why not; or what is wrong all the same
};

class ReadyCheck {
 public:
  struct Parts {
    Lanes* lanes = nullptr;
    const std::atomic<bool>* started = nullptr;
    const KeyFetcher* key_fetcher = nullptr;
    const Fleet* fleet = nullptr;  // null: it stands alone
  };

  explicit ReadyCheck(Parts parts) : parts_(parts) {}

  Readiness now() const;

 private:
  const Parts parts_;
};

std::string readiness_json(const Readiness& readiness);

}  // namespace zws
