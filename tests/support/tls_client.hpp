// What a unit test of TLS needs beside the wire: a certificate in files, and OpenSSL as the client at
// the other end of a socket. Everything fails the test that uses it by an exception.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/folder.hpp"

namespace zws {

inline void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

// A self-signed pair in two files of a folder of its own, which goes with it.
class CertificateFiles {
 public:
  CertificateFiles() {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> own(X509_new(), X509_free);
    X509_set_version(own.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(own.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(own.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(own.get()), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(own.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("bridge"), -1, -1, 0);
    X509_set_issuer_name(own.get(), X509_get_subject_name(own.get()));
    X509_set_pubkey(own.get(), key.get());
    require(X509_sign(own.get(), key.get(), EVP_sha256()) > 0, "X509_sign");
    write(certificate(), [&](FILE* file) { return PEM_write_X509(file, own.get()); });
    write(this->key(), [&](FILE* file) {
      return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  std::string certificate() const { return (folder_.path() / "cert.pem").string(); }
  std::string key() const { return (folder_.path() / "key.pem").string(); }

 private:
  template <typename Put>
  static void write(const std::string& path, Put put) {
    FILE* file = std::fopen(path.c_str(), "w");
    require(file != nullptr && put(file) == 1, path.c_str());
    std::fclose(file);
  }

  Folder folder_;
};

// The client's end: does not check the certificate, and never blocks on a non-blocking descriptor.
class TlsClient {
 public:
  TlsClient(int descriptor, int version)
      : rules_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
        ssl_(SSL_new(rules_.get()), SSL_free) {
    SSL_set_min_proto_version(ssl_.get(), version);
    SSL_set_max_proto_version(ssl_.get(), version);
    SSL_set_fd(ssl_.get(), descriptor);
    SSL_set_connect_state(ssl_.get());
  }

  SSL* ssl() noexcept { return ssl_.get(); }

  bool shake() { return SSL_do_handshake(ssl_.get()) == 1; }

  void write(std::string_view bytes) {
    require(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
                static_cast<int>(bytes.size()),
            "the client cannot write");
  }

  // One record, or less; empty if none is there.
  std::string read_once() {
    std::string bytes(65'536, '\0');
    const int size = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    last_error_ = size > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), size);
    return bytes;
  }

  // All that is there.
  std::string read_some() {
    std::string all;
    for (std::string more = read_once(); !more.empty(); more = read_once()) all += more;
    return all;
  }

  // Whether the last read met the peer's close_notify.
  bool at_end() const noexcept { return last_error_ == SSL_ERROR_ZERO_RETURN; }
  bool failed() const noexcept {
    return last_error_ == SSL_ERROR_SSL || last_error_ == SSL_ERROR_SYSCALL;
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> rules_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  int last_error_ = SSL_ERROR_NONE;
};

}  // namespace zws
