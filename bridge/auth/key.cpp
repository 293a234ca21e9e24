#include "auth/key.hpp"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#include "auth/jose.hpp"

namespace zws {
namespace {

bool ed25519_verifies(EVP_PKEY& key, const Token& token) noexcept {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  const bool good =
      context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, &key) == 1 &&
      EVP_DigestVerify(context.get(), bytes(token.signature_bytes), token.signature_bytes.size(),
                       bytes(token.signed_text), token.signed_text.size()) == 1;
  ERR_clear_error();
  return good;
}

KeyDigest digest_of(std::string_view text) noexcept {
  KeyDigest digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

KeyDigest digest_of(const json_t& jwk) {
  const std::unique_ptr<char, decltype(&std::free)> text(
      json_dumps(&jwk, JSON_COMPACT | JSON_SORT_KEYS), std::free);
  if (!text) throw std::bad_alloc();
  return digest_of(text.get());
}

KeyDigest digest_of(const evp_pkey_st& ed25519) noexcept {
  unsigned char bytes[32] = {};
  std::size_t size = sizeof bytes;
  EVP_PKEY_get_raw_public_key(&ed25519, bytes, &size);
  return digest_of("EdDSA" + std::string(reinterpret_cast<const char*>(bytes), sizeof bytes));
}

}  // namespace

Key::Key(std::string algorithm, std::optional<std::string> kid, const json_t& jwk)
    : algorithm_(std::move(algorithm)), kid_(std::move(kid)), jwk_(json_deep_copy(&jwk)) {
  // With an alg of its own libjose, too, refuses a token that names another.
  json_object_set_new(jwk_.get(), "alg", json_string(algorithm_.c_str()));
  digest_ = digest_of(*jwk_);
}

Key::Key(std::optional<std::string> kid, PublicKey ed25519)
    : algorithm_("EdDSA"),
      kid_(std::move(kid)),
      ed25519_(std::move(ed25519)),
      digest_(digest_of(*ed25519_)) {}

bool Key::serves(const Token& token) const noexcept {
  const bool named = token.algorithm == algorithm_ || (ed25519_ && token.algorithm == "Ed25519");
  return named && (!kid_ || !token.kid || *kid_ == *token.kid);
}

bool Key::verifies(const Token& token) const noexcept {
  if (!serves(token)) return false;
  return ed25519_ ? ed25519_verifies(*ed25519_, token) : jose::verifies(*jwk_, token);
}

}  // namespace zws
