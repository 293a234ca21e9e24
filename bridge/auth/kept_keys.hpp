// KeptKeys: the last good key set of a URL, on disk, for a start while its source is away.
//
// It lies in systemd's STATE_DIRECTORY, else in zwsbridge/ of XDG_STATE_HOME or ~/.local/state, in a
// file named after the URL (mode 0600); without any of these nothing is kept. It holds no secret, but
// whoever can write it decides who signs in.
//
// Thread: one at a time.
#pragma once

#include <string>

namespace zws {

class KeptKeys {
 public:
  // Empty where nothing can be kept.
  static std::string folder();

  KeptKeys(const std::string& folder, const std::string& url);

  // Nothing is read that others could have written. Empty if nothing is there.
  std::string read() const;

  // All of it or nothing, whenever the power goes. Empty, or why it could not be written.
  std::string write(const std::string& text) const;

 private:
  std::string folder_;
  std::string path_;  // empty: nothing is kept
};

}  // namespace zws
