#include "cause.hpp"

#include <asio/error.hpp>
#include <asio/ssl/error.hpp>

#include "core/log.hpp"

namespace zws::tool {

std::string cause_of(const std::error_code& error, const Url& url) {
  namespace of = asio::error;
  const std::string name = "'" + log::escaped(url.host, 255) + "'";
  if (error == of::host_not_found || error == of::no_data)
    return "there is no host " + name + " (DNS knows no such name)";
  if (error == of::host_not_found_try_again)
    return "the name " + name + " could not be looked up: no name server (DNS) answers";
  if (error == of::connection_refused) return error.message() + " (nobody listens there)";
  if (error == of::timed_out) return "no answer in time";
  // A server that does not speak TLS answers the first bytes with its own, or hangs up.
  const bool not_tls = error.category() == of::get_ssl_category() || error == of::eof ||
                       error == asio::ssl::error::stream_truncated || error == of::connection_reset;
  if (url.tls && not_tls)
    return error.message() + " (if it does not speak TLS, write http:// or ws://)";
  return error.message();
}

}  // namespace zws::tool
