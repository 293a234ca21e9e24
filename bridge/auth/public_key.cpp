#include "auth/public_key.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace zws {
namespace {

constexpr int rsa_bits_min = 2048;
constexpr int rsa_bits_max = 8192;

// The y of the eight points whose order divides 8, in every spelling that a decoder takes, as
// little-endian hex without the top bit, which is the sign of x. With one of them as the key anybody
// can make signatures that OpenSSL calls good.
constexpr std::array<std::string_view, 7> small_orders{
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};

bool is_of_small_order(const evp_pkey_st& ed25519) {
  std::array<unsigned char, 32> point{};
  std::size_t size = point.size();
  if (EVP_PKEY_get_raw_public_key(&ed25519, point.data(), &size) != 1) return true;
  point.back() &= 0x7F;
  std::string hex;
  for (const unsigned char byte : point) hex += fmt::format("{:02x}", byte);
  return std::find(small_orders.begin(), small_orders.end(), hex) != small_orders.end();
}

}  // namespace

void PublicKeyRelease::operator()(evp_pkey_st* key) const noexcept { EVP_PKEY_free(key); }

std::string why_unusable(evp_pkey_st& key) {
  const int bits = EVP_PKEY_get_bits(&key);
  if (EVP_PKEY_get_base_id(&key) == EVP_PKEY_RSA && (bits < rsa_bits_min || bits > rsa_bits_max))
    return "the RSA key has " + std::to_string(bits) + " bits; allowed: 2048 to 8192";
  if (EVP_PKEY_get_base_id(&key) == EVP_PKEY_ED25519 && is_of_small_order(key))
    return "the Ed25519 key is a point of small order, for which anybody can sign; allowed: the "
           "public half of a key that was made at random";
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr), EVP_PKEY_CTX_free);
  const bool good = context && EVP_PKEY_public_check(context.get()) == 1;
  ERR_clear_error();
  return good ? "" : "its numbers are no public key";
}

}  // namespace zws
