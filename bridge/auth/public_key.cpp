#include "auth/public_key.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <string>

namespace zws {
namespace {

constexpr int rsa_bits_min = 2048;

}  // namespace

void PublicKeyRelease::operator()(evp_pkey_st* key) const noexcept { EVP_PKEY_free(key); }

void check_public_key(evp_pkey_st& key, const KeySource& source) {
  if (EVP_PKEY_get_base_id(&key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(&key) < rsa_bits_min)
    source.refuse("the RSA key has " + std::to_string(EVP_PKEY_get_bits(&key)) +
                  " bits; allowed: at least 2048");
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr), EVP_PKEY_CTX_free);
  const bool good = context && EVP_PKEY_public_check(context.get()) == 1;
  ERR_clear_error();
  if (!good) source.refuse("its numbers are no public key");
}

}  // namespace zws
