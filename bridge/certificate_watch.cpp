#include "certificate_watch.hpp"

#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::int64_t day = 24 * 60 * 60;
constexpr std::int64_t warned_before = 14 * day;

}  // namespace

void CertificateWatch::look(std::uint64_t not_after) {
  const auto now = std::chrono::steady_clock::now();
  if (not_after == watched_ && now < next_) return;
  watched_ = not_after;
  const auto time = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t left = static_cast<std::int64_t>(not_after) -
                            std::chrono::duration_cast<std::chrono::seconds>(time).count();
  if (not_after == 0 || left > warned_before) return;
  next_ = now + std::chrono::seconds(day);
  if (left < 0) {
    log::warning("TLS: the certificate has ended, and clients refuse it; renew it and reload");
  } else {
    log::warning("TLS: the certificate ends in {} days; renew it and reload", left / day);
  }
}

}  // namespace zws
