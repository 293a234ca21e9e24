#include "auth/key_download.hpp"

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <stdexcept>

#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::size_t body_bytes_max = std::size_t{1} << 20;
constexpr std::size_t head_bytes_max = 64 << 10;
constexpr std::size_t etag_bytes_max = 1024;
constexpr long connect_ms_max = 5'000;
constexpr long whole_ms_max = 10'000;
constexpr long redirects_max = 3;
constexpr int poll_ms = 1000;

// Both handles are void* to the compiler.
struct ReleaseEasy {
  void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
struct ReleaseMulti {
  void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};
struct ReleaseList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

// What comes in, and whether more would be too much.
struct Received {
  std::string body;
  std::size_t head_bytes = 0;
  bool too_large = false;
};

// libcurl is C: no exception may pass through it. A count that differs from `bytes` ends the transfer.
std::size_t take_body(char* data, std::size_t, std::size_t bytes, void* to) noexcept try {
  auto& received = *static_cast<Received*>(to);
  received.too_large = received.body.size() + bytes > body_bytes_max;
  if (received.too_large) return 0;
  received.body.append(data, bytes);
  return bytes;
} catch (const std::exception&) {
  return 0;
}

std::size_t take_head(char*, std::size_t, std::size_t bytes, void* to) noexcept {
  auto& received = *static_cast<Received*>(to);
  received.head_bytes += bytes;
  received.too_large = received.head_bytes > head_bytes_max;
  return received.too_large ? 0 : bytes;
}

bool is_secure(const std::string& url) { return url.compare(0, 6, "https:") == 0; }

// An entity tag is printable; anything else would be a header of its own.
bool is_etag(const std::string& text) {
  for (const char c : text)
    if (c < 0x20 || c > 0x7E) return false;
  return !text.empty() && text.size() <= etag_bytes_max;
}

Downloaded failed(std::string why) { return {Downloaded::Result::failed, std::move(why), {}}; }

}  // namespace

struct KeyDownload::Impl {
  std::unique_ptr<CURLM, ReleaseMulti> multi{curl_multi_init()};

  CURLcode transfer(CURL* easy, const std::function<bool()>& wanted);
  CURLcode run(CURL* easy, const std::function<bool()>& wanted);
  static void set_up(CURL* easy, const std::string& url, Received& received);
};

// The first call is main's, as libcurl wants it.
KeyDownload::KeyDownload() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready == CURLE_OK) impl_ = std::make_unique<Impl>();
  if (!impl_ || !impl_->multi) throw std::runtime_error("libcurl does not start");
}

KeyDownload::~KeyDownload() = default;

void KeyDownload::look_up() noexcept { curl_multi_wakeup(impl_->multi.get()); }

Downloaded KeyDownload::get(const std::string& url, const std::string& etag,
                            const std::function<bool()>& wanted) {
  Received received;
  std::array<char, CURL_ERROR_SIZE> detail{};
  const std::unique_ptr<CURL, ReleaseEasy> easy(curl_easy_init());
  if (!easy) return failed("memory is short");
  Impl::set_up(easy.get(), url, received);
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, detail.data());
  std::unique_ptr<curl_slist, ReleaseList> headers(
      curl_slist_append(nullptr, "Accept: application/jwk-set+json, application/json"));
  if (!etag.empty()) {
    // The list stays where it is when there is no memory for more.
    curl_slist_append(headers.get(), ("If-None-Match: " + etag).c_str());
  }
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());

  const CURLcode code = impl_->transfer(easy.get(), wanted);
  if (received.too_large) return failed("the answer is over 1 MiB, too large for keys");
  if (code != CURLE_OK)
    return failed(log::escaped(detail[0] != '\0' ? detail.data() : curl_easy_strerror(code), 200));
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status == 304 && !etag.empty()) return {Downloaded::Result::unchanged, {}, etag};
  if (status != 200) return failed("the answer is HTTP " + std::to_string(status));
  Downloaded got{Downloaded::Result::body, std::move(received.body), {}};
  curl_header* tag = nullptr;
  if (curl_easy_header(easy.get(), "ETag", 0, CURLH_HEADER, -1, &tag) == CURLHE_OK &&
      is_etag(tag->value))
    got.etag = tag->value;
  return got;
}

void KeyDownload::Impl::set_up(CURL* easy, const std::string& url, Received& received) {
  const bool secure = is_secure(url);
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, secure ? "https" : "http");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, secure ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, redirects_max);
  if (!secure) curl_easy_setopt(easy, CURLOPT_PROXY, "");  // loopback is not the proxy's
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "zwsbridge");
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms_max);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, whole_ms_max);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // a name server that is silent is not waited for
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);  // the next time is far away
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &received);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &received);
  const char* authorities = std::getenv("SSL_CERT_FILE");  // which OpenSSL heeds, and libcurl not
  if (authorities != nullptr && *authorities != '\0')
    curl_easy_setopt(easy, CURLOPT_CAINFO, authorities);
}

CURLcode KeyDownload::Impl::transfer(CURL* easy, const std::function<bool()>& wanted) {
  if (curl_multi_add_handle(multi.get(), easy) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
  const CURLcode code = run(easy, wanted);
  curl_multi_remove_handle(multi.get(), easy);
  return code;
}

CURLcode KeyDownload::Impl::run(CURL* easy, const std::function<bool()>& wanted) {
  for (int running = 1; wanted();) {
    if (curl_multi_perform(multi.get(), &running) != CURLM_OK) return CURLE_FAILED_INIT;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left))
      if (message->msg == CURLMSG_DONE && message->easy_handle == easy) return message->data.result;
    if (running == 0) return CURLE_FAILED_INIT;
    if (curl_multi_poll(multi.get(), nullptr, 0, poll_ms, nullptr) != CURLM_OK)
      return CURLE_FAILED_INIT;
  }
  return CURLE_ABORTED_BY_CALLBACK;
}

}  // namespace zws
