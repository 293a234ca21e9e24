// KeySource: where a key comes from, for reading it and for the one line that refuses it:
//
//   auth.public_key_file: /etc/zws/key.pem: is empty; allowed: a PEM public key, ...
//
// Thread: a value.
#pragma once

#include <string>
#include <utility>

namespace zws {

class KeySource {
 public:
  // A key that is the setting's own value, which is never shown.
  explicit KeySource(std::string setting) : name_(std::move(setting)) {}
  // A key in a file.
  KeySource(const std::string& setting, std::string path);

  const std::string& name() const noexcept { return name_; }

  // One key of several in the same place.
  KeySource member(const std::string& which) const;

  // The whole file: 1 byte to 1 MiB of a regular file; anything else is refused.
  std::string read() const;

  // Throws StartupError{configuration}.
  [[noreturn]] void refuse(const std::string& problem) const;

 private:
  std::string name_;  // what the line begins with
  std::string path_;
};

}  // namespace zws
