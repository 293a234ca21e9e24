#include "auth/pem.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <string_view>
#include <utility>

#include "auth/jose.hpp"
#include "core/log.hpp"

namespace zws {
namespace {

[[noreturn]] void refuse(const KeySource& source, const std::string& problem) {
  source.refuse(
      problem +
      "; allowed: one PEM public key or certificate, RSA of 2048 to 8192 bits, EC P-256 or "
      "Ed25519");
}

void release(void* memory) { OPENSSL_free(memory); }

// A file while it is read, block by block.
class Reading {
 public:
  explicit Reading(const KeySource& source) : source_(source) {}

  void block(std::string_view name, const unsigned char* at, long size) {
    if (name == "PUBLIC KEY") {
      take(PublicKey(d2i_PUBKEY(nullptr, &at, size)));
    } else if (name == "RSA PUBLIC KEY") {
      take(PublicKey(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, size)));
    } else if (name == "CERTIFICATE" || name == "X509 CERTIFICATE") {
      certificate(Certificate(d2i_X509(nullptr, &at, size), X509_free));
    }
    ERR_clear_error();
  }

  PublicKey done() {
    if (!key_) refuse(source_, "holds no public key");
    return std::move(key_);
  }

 private:
  using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

  void take(PublicKey key) {
    if (!key) refuse(source_, "is damaged");
    if (key_) refuse(source_, "holds more than one public key");
    key_ = std::move(key);
  }

  // Behind a certificate may stand who issued it, and so on: that is no second key.
  void certificate(Certificate next) {
    if (next && last_ && X509_check_issued(next.get(), last_.get()) == X509_V_OK) {
      if (!std::exchange(chain_, true))
        log::warning("{} holds a chain of certificates: the key is the first one's",
                     source_.name());
    } else {
      take(PublicKey(next ? X509_get_pubkey(next.get()) : nullptr));
      if (X509_cmp_current_time(X509_get0_notAfter(next.get())) < 0)
        log::warning("{} holds a certificate that has ended; its key is used all the same",
                     source_.name());
    }
    last_ = std::move(next);
  }

  const KeySource& source_;
  PublicKey key_;
  Certificate last_{nullptr, X509_free};
  bool chain_ = false;
};

PublicKey only_key(const std::string& text, const KeySource& source) {
  if (text.find("PRIVATE KEY-----") != std::string::npos)
    refuse(source, "holds a private key, which the bridge must not have");
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
  Reading reading(source);
  char *name = nullptr, *header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  while (PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1) {
    const std::unique_ptr<char, decltype(&release)> names(name, release), headers(header, release);
    const std::unique_ptr<unsigned char, decltype(&release)> bytes(data, release);
    reading.block(name, data, size);
  }
  ERR_clear_error();
  return reading.done();
}

bool is_p256(evp_pkey_st& key) {
  char group[32] = "";
  EVP_PKEY_get_group_name(&key, group, sizeof group, nullptr);
  return group == std::string_view("prime256v1");
}

}  // namespace

std::vector<Key> keys_of_pem(const std::string& text, const KeySource& source) {
  auto key = only_key(text, source);
  std::vector<const char*> algorithms;
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_RSA: algorithms = {"RS256", "PS256"}; break;
    case EVP_PKEY_EC:
      if (is_p256(*key)) algorithms = {"ES256"};
      break;
    case EVP_PKEY_ED25519: algorithms = {"EdDSA"}; break;
    default: break;
  }
  if (algorithms.empty()) refuse(source, "holds a key of another type or curve");
  const std::string why = why_unusable(*key);
  if (!why.empty()) source.refuse(why);
  std::vector<Key> keys;
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519) {
    keys.emplace_back(std::nullopt, std::move(key));
    return keys;
  }
  const Json jwk = jose::jwk_of(*key);
  if (!jwk) refuse(source, "holds a key that libjose cannot use");
  for (const char* algorithm : algorithms) keys.emplace_back(algorithm, std::nullopt, *jwk);
  return keys;
}

}  // namespace zws
