#include "port/tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <ctime>
#include <new>
#include <string>

#include "config/key_source.hpp"
#include "core/log.hpp"
#include "port/tls_wire.hpp"

namespace zws {
namespace {

// For 1.2; those of 1.3 are all good.
constexpr const char* ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* groups = "X25519:P-256:P-384";

template <auto free>
struct Freed {
  template <typename T>
  void operator()(T* object) const noexcept {
    free(object);
  }
};
using Text = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

// Why OpenSSL has just refused something.
std::string reason() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return text != nullptr ? text : "unknown error";
}

KeySource source_of(const std::string& key, const std::string& path, const Origins& origins) {
  const auto origin = origins.find(key);
  return KeySource(origin == origins.end() ? key : origin->second + ": " + key, path);
}

Text text_of(const std::string& pem) {
  Text text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!text) throw std::bad_alloc();
  return text;
}

// OpenSSL would ask on the terminal.
int note_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

// The next certificate of the text; null at its end.
Certificate next_certificate(BIO* text, const KeySource& source, int number) {
  ERR_clear_error();
  Certificate certificate(PEM_read_bio_X509(text, nullptr, nullptr, nullptr));
  if (!certificate && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    source.refuse(fmt::format("its certificate {} cannot be read: {}", number, reason()));
  ERR_clear_error();
  return certificate;
}

void use_certificates(SSL_CTX* rules, const KeySource& source) {
  const std::string pem = source.read();
  const Text text = text_of(pem);
  const Certificate own = next_certificate(text.get(), source, 1);
  if (!own)
    source.refuse("holds no certificate; allowed: a PEM chain, the bridge's own certificate first");
  if (SSL_CTX_use_certificate(rules, own.get()) != 1)
    source.refuse("its certificate cannot be used: " + reason());
  for (int number = 2;; ++number) {
    Certificate issuer = next_certificate(text.get(), source, number);
    if (!issuer) return;
    if (SSL_CTX_add0_chain_cert(rules, issuer.get()) != 1)
      source.refuse(fmt::format("its certificate {} cannot be used: {}", number, reason()));
    [[maybe_unused]] const X509* kept_by_rules = issuer.release();
  }
}

void use_key(SSL_CTX* rules, const KeySource& source) {
  const std::string pem = source.read();
  const Text text = text_of(pem);
  bool asked = false;
  const PrivateKey key(PEM_read_bio_PrivateKey(text.get(), nullptr, note_passphrase, &asked));
  if (asked)
    source.refuse(
        "needs a passphrase, and nobody is there to be asked; allowed: a PEM private key without "
        "one, readable for the bridge alone");
  if (!key) {
    ERR_clear_error();
    source.refuse("holds no private key; allowed: a PEM private key without passphrase");
  }
  if (X509_check_private_key(SSL_CTX_get0_certificate(rules), key.get()) != 1) {
    ERR_clear_error();
    source.refuse("is not the key of the certificate in server.tls_cert");
  }
  if (SSL_CTX_use_PrivateKey(rules, key.get()) != 1) source.refuse("cannot be used: " + reason());
}

// ALPN. Browsers offer h2 beside it; a peer that offers only other protocols wants another server.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* found = nullptr;
  const int outcome =
      SSL_select_next_proto(&found, size, ours, sizeof ours - 1, offered, offered_size);
  *chosen = found;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void set_rules(SSL_CTX* rules) {
  SSL_CTX_set_min_proto_version(rules, TLS1_2_VERSION);
  SSL_CTX_set_options(rules, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(rules, SSL_MODE_RELEASE_BUFFERS);
  // With it a peer could keep us in one read for as long as it sends records without data.
  SSL_CTX_clear_mode(rules, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_session_cache_mode(rules, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(rules, 1);
  SSL_CTX_set_alpn_select_cb(rules, choose_protocol, nullptr);
  if (SSL_CTX_set_cipher_list(rules, ciphers) != 1 || SSL_CTX_set1_groups_list(rules, groups) != 1)
    throw std::bad_alloc();
}

std::string text_of(const ASN1_TIME* time) {
  const Text text(BIO_new(BIO_s_mem()));
  if (!text || ASN1_TIME_print_ex(text.get(), time, ASN1_DTFLGS_ISO8601) != 1) return "?";
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

std::string text_of(const X509_NAME* name) {
  const Text text(BIO_new(BIO_s_mem()));
  if (!text || X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_RFC2253) < 0) return "?";
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

}  // namespace

void Tls::Free::operator()(ssl_ctx_st* rules) const noexcept { SSL_CTX_free(rules); }

TlsPtr Tls::load(const ServerConfig& server, const Origins& origins) {
  if (server.tls_cert.empty()) return nullptr;
  ERR_clear_error();
  Rules rules(SSL_CTX_new(TLS_server_method()));
  if (!rules) throw std::bad_alloc();
  set_rules(rules.get());
  use_certificates(rules.get(), source_of("server.tls_cert", server.tls_cert, origins));
  use_key(rules.get(), source_of("server.tls_key", server.tls_key, origins));
  return TlsPtr(new Tls(std::move(rules)));
}

std::unique_ptr<Wire> Tls::wrap(int descriptor) const {
  return std::make_unique<TlsWire>(descriptor, *rules_);
}

void Tls::log_certificate() const {
  const X509* own = SSL_CTX_get0_certificate(rules_.get());
  const std::string subject = log::escaped(text_of(X509_get_subject_name(own)), 200);
  const std::string until = text_of(X509_get0_notAfter(own));
  const bool over = X509_cmp_current_time(X509_get0_notAfter(own)) < 0;
  const bool early = X509_cmp_current_time(X509_get0_notBefore(own)) > 0;
  if (over || early) {
    log::warning("TLS: clients will refuse the certificate of {}: it is valid from {} until {}",
                 subject, text_of(X509_get0_notBefore(own)), until);
  } else {
    log::info("TLS: the certificate is of {}, valid until {}", subject, until);
  }
}

std::uint64_t Tls::certificate_not_after() const noexcept {
  std::tm until{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(rules_.get())), &until) != 1)
    return 0;
  const std::time_t seconds = ::timegm(&until);
  return seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds);
}

}  // namespace zws
