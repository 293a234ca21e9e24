#include "auth/public_key.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>

namespace zws {
namespace {

constexpr int rsa_bits_min = 2048;
constexpr int rsa_bits_max = 8192;

}  // namespace

void PublicKeyRelease::operator()(evp_pkey_st* key) const noexcept { EVP_PKEY_free(key); }

std::string why_unusable(evp_pkey_st& key) {
  const int bits = EVP_PKEY_get_bits(&key);
  if (EVP_PKEY_get_base_id(&key) == EVP_PKEY_RSA && (bits < rsa_bits_min || bits > rsa_bits_max))
    return "the RSA key has " + std::to_string(bits) + " bits; allowed: 2048 to 8192";
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr), EVP_PKEY_CTX_free);
  const bool good = context && EVP_PKEY_public_check(context.get()) == 1;
  ERR_clear_error();
  return good ? "" : "its numbers are no public key";
}

}  // namespace zws
