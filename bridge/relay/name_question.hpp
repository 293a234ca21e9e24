// NameQuestion: what addresses a name has, asked aside: the system's resolver waits and cannot be told to stop,
// and neither the loop nor the end of the program waits for it.
//
// Thread: ask() and drop() on the one that runs `loop`, where the answer comes, too. Lifetime: the loop
// may end once drop() was called.
// Bound: 8 questions of the program at once, more are refused.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <system_error>

namespace zws {

class NameQuestion {
 public:
  using Addresses = asio::ip::tcp::resolver::results_type;
  using Then = std::function<void(const std::error_code& fault, const Addresses& addresses)>;

  ~NameQuestion() { drop(); }

  // Throws std::system_error where there is no room for one more.
  void ask(asio::io_context& loop, const std::string& host, const std::string& port, Then then);

  // No answer comes any more.
  void drop() noexcept;

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
};

}  // namespace zws
