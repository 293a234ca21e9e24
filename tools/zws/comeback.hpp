// Comeback: how long to wait before the next attempt after a lost connection, and what to say of it.
//
// Thread: one.
#pragma once

#include <chrono>
#include <random>
#include <string>

namespace zws::tool {

class Comeback {
 public:
  // A random time between nothing and a bound that doubles, or all come back in one instant.
  std::chrono::milliseconds next_pause();

  // Whether to say why the connection is gone. The same again and again is said less and less often:
  // the first time, the second, the fourth and so on.
  bool is_worth_a_line(const std::string& why);

  // It is there again.
  void succeeded();

 private:
  std::minstd_rand random_{std::random_device{}()};
  int pauses_ = 0;
  std::string why_;
  unsigned said_again_ = 0;  // how often it was the same
};

}  // namespace zws::tool
