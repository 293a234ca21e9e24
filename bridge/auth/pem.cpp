#include "auth/pem.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <string_view>
#include <utility>

#include "auth/jose.hpp"

namespace zws {
namespace {

[[noreturn]] void refuse(const KeySource& source, const std::string& problem) {
  source.refuse(problem +
                "; allowed: one PEM public key, RSA of at least 2048 bits, EC P-256 or Ed25519");
}

// The next public key of the text, null if there is none. The callback means "no passphrase":
// without it OpenSSL would ask on the terminal.
PublicKey next_key(BIO* text) {
  PublicKey key(PEM_read_bio_PUBKEY(
      text, nullptr, [](char*, int, int, void*) { return -1; }, nullptr));
  ERR_clear_error();
  return key;
}

PublicKey only_key(const std::string& text, const KeySource& source) {
  if (text.find("PRIVATE KEY-----") != std::string::npos)
    refuse(source, "holds a private key, which the bridge must not have");
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
  auto key = next_key(bio.get());
  if (!key) refuse(source, "holds no public key");
  if (next_key(bio.get())) refuse(source, "holds more than one public key");
  return key;
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
  check_public_key(*key, source);
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
