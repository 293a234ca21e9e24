#include "tls.hpp"

#include <asio/ssl.hpp>

#include "failure.hpp"

namespace zws::tool {
namespace {

std::string verdict_of(asio::ssl::verify_context& context) {
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.native_handle()));
}

}  // namespace

asio::ssl::context make_tls(const TlsOptions& options, const std::string& host,
                            std::string& fault) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  asio::error_code error;
  if (options.ca_file.empty())
    tls.set_default_verify_paths(error);
  else
    tls.load_verify_file(options.ca_file, error);
  if (error)
    throw Failure(Exit::failed, "cannot read certificates from " +
                                    (options.ca_file.empty() ? "the system" : options.ca_file) +
                                    ": " + error.message());
  if (options.insecure) {
    tls.set_verify_mode(asio::ssl::verify_none);
  } else {
    tls.set_verify_mode(asio::ssl::verify_peer);
    tls.set_verify_callback([host, &fault](bool trusted, asio::ssl::verify_context& context) {
      const bool fits = asio::ssl::host_name_verification(host)(trusted, context);
      if (!trusted)
        fault = "its certificate is not trusted: " + verdict_of(context) +
                " (--ca-file names certificates to trust)";
      else if (!fits)
        fault = "its certificate is not one of " + host;
      return fits;
    });
  }
  return tls;
}

}  // namespace zws::tool
