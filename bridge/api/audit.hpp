// Audit: the line that an administrator's call leaves in the log: who, from where, what, how many
// connections it reached, and how it ended. Calls that were refused leave one, too.
//
//   audit who="root" from="10.0.0.7" method="POST" path="/api/ws/notify" users=["ada"] reached=1 status=200
//   audit from="10.0.0.9" method="GET" path="/api/ws/stats" why="..." status=401 code="invalid_token" more=17
//
// Thread: in one pair of hands at a time, as the call is.
// Lifetime: the call's. The line is written when the call is answered, or without a status when it is
// let go of unanswered: its body never came.
// Bound: an administrator's calls leave a line each. Those of strangers together leave one a second, and
// so do those of users; the next one, or AuditValve a second later, counts those that left none.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/audit_valve.hpp"
#include "core/http.hpp"

namespace zws {

class Audit {
 public:
  // `valves`: for all calls that are no administrator's.
  Audit(const HttpRequest& request, std::shared_ptr<AuditValves> valves);
  ~Audit();
  Audit(const Audit&) = delete;
  Audit& operator=(const Audit&) = delete;

  // Whose token it is; an administrator may call.
  void by(std::string_view user, bool administrator);
  // Why the token was refused.
  void because(std::string_view reason);

  // What the call is about: topic="a".
  void about(std::string_view kind, std::string_view name);
  // The same of many, of which the line names some.
  void about(std::string_view kind, const std::vector<std::string>& names);
  void reached(std::size_t connections);

  // Only a refusal is worth a line.
  void skip_if_done() { skip_if_done_ = true; }

  // Writes the line.
  void answered(const HttpResponse& response) noexcept;

 private:
  bool may_be_written(std::uint64_t& held_back);
  void write(const HttpResponse* response) noexcept;

  const std::shared_ptr<AuditValves> valves_;
  const std::string address_;
  const std::string method_;
  const std::string path_;
  std::string user_;
  bool administrator_ = false;
  std::string reason_;
  std::string kind_;
  std::vector<std::string> names_;
  std::size_t count_ = 0;  // of names
  bool many_ = false;
  std::optional<std::size_t> reached_;
  bool skip_if_done_ = false;
  bool written_ = false;
};

using AuditPtr = std::shared_ptr<Audit>;

}  // namespace zws
