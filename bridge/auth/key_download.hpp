// KeyDownload: one HTTP GET of a key set, by libcurl.
//
// Thread: get() on one thread at a time; look_up() from any.
// Bounds: 1 MiB of body, 64 KiB of headers, 5 s to connect, 10 s for all of it, 3 redirects. https
// stays https with the machine's certificate authorities (or those in SSL_CERT_FILE); what http to
// loopback answers is never followed elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace zws {

struct Downloaded {
  enum class Result : std::uint8_t { failed, unchanged, body };
  Result result = Result::failed;
  std::string text;  // the body; of what failed, why: fit for the log
  std::string etag;  // empty: none was given
};

class KeyDownload {
 public:
  KeyDownload();
  ~KeyDownload();

  // `etag`: of the body that is here already; empty for none. Ends when it is not `wanted` any more,
  // which is asked once a second and after look_up(). Throws nothing but std::bad_alloc.
  Downloaded get(const std::string& url, const std::string& etag,
                 const std::function<bool()>& wanted);

  // What get() is for may have changed.
  void look_up() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zws
