// AdminToken: in open mode, the secret in a file that makes its reader the administrator.
//
// Thread: immutable after construction. Lifetime: the file is removed with it, while it holds this token.
#pragma once

#include <string>
#include <string_view>

namespace zws {

class AdminToken {
 public:
  AdminToken() = default;  // matches nothing
  ~AdminToken();
  AdminToken(AdminToken&& other) noexcept;
  AdminToken& operator=(AdminToken&& other) noexcept;

  // Makes a token and writes it, mode 0600, to `file`, or if that is empty to zwsbridge-PORT.token in
  // the user's runtime folder. On failure it matches nothing and `fault` says why. What is there and
  // was not written by this stays: StartupError{machine}.
  static AdminToken write(const std::string& file, unsigned port, std::string& fault);

  const std::string& file() const noexcept { return file_; }

  // Compares in constant time.
  bool matches(std::string_view token) const noexcept;

 private:
  std::string token_;
  std::string file_;
};

}  // namespace zws
