// KeyDownload: one HTTP GET of a key set, by libcurl.
//
// Thread: get() on one thread at a time; cancel() from any.
// Bounds: 1 MiB of body, 64 KiB of headers, 5 s to connect, 10 s for all of it, 3 redirects. https
// stays https with the machine's certificate authorities (or those in SSL_CERT_FILE); what http to
// loopback answers is never followed elsewhere.
#pragma once

#include <cstdint>
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

  // `etag`: of the body that is here already; empty for none. Throws nothing but std::bad_alloc.
  Downloaded get(const std::string& url, const std::string& etag);

  // Ends a get() at once, and each later one.
  void cancel() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zws
