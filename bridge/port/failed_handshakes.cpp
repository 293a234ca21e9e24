#include "port/failed_handshakes.hpp"

namespace zws {

void FailedHandshakes::note(const Connection& its) {
  using namespace websocketpp::error;
  const bool no_http = its.get_ec() == make_error_code(http_parse_error);
  if (its.get_ec() == make_error_code(open_handshake_timeout)) count(HandshakeResult::timeout);
  if (no_http) count(HandshakeResult::bad_request);
  const std::string_view fault = its.handshake_fault();
  if (fault.empty()) return;
  std::uint64_t suppressed = 0;
  if (no_http) {
    if (proxy_log_.pass(suppressed))
      log::warning("refused a PROXY header from {}: {}{}", log::escaped(its.get_remote_endpoint()),
                   fault, log::more(suppressed));
    return;
  }
  count(HandshakeResult::tls_failed);
  if (tls_log_.pass(suppressed))
    log::info("a TLS handshake with {} failed: {}{}", log::escaped(its.get_remote_endpoint()),
              fault, log::more(suppressed));
}

void FailedHandshakes::count(HandshakeResult result) {
  metrics_.handshakes[static_cast<std::size_t>(result)].add();
}

}  // namespace zws
